#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

// A compiled RE2 pattern: linear time, bounded memory, safe to match from several threads.
typedef struct lr_re2 lr_re2;

// Compiles; null when the pattern is refused, with the reason in `message`.
lr_re2 *lr_re2_create(
    const uint8_t *pattern, size_t length, char *message, size_t message_capacity);
void lr_re2_destroy(lr_re2 *pattern);

// True when the whole text matches / when some part of it does.
bool lr_re2_full_match(const lr_re2 *pattern, const uint8_t *text, size_t length);
bool lr_re2_partial_match(const lr_re2 *pattern, const uint8_t *text, size_t length);

// True when the part stands somewhere in the text.
bool lr_contains(const uint8_t *text, size_t length, const uint8_t *part, size_t part_length);

// Asks for a line of memory that will be read soon. A wrong address does no harm.
static inline void lr_prefetch(const void *address) { __builtin_prefetch(address); }

// Patterns that are matched together, numbered from 0 in the order added. Safe to match from
// several threads once it is compiled.
typedef struct lr_re2_set lr_re2_set;

// `is_whole`: the whole text must match, not some part. `is_literal`: patterns are plain texts.
lr_re2_set *lr_re2_set_create(bool is_whole, bool is_literal, size_t count);
void lr_re2_set_destroy(lr_re2_set *set);
// False when the pattern is refused.
bool lr_re2_set_add(lr_re2_set *set, const uint8_t *pattern, size_t length);
// False when the patterns are too large to be matched together.
bool lr_re2_set_compile(lr_re2_set *set);
// Writes the numbers of the patterns that match, in no order, and returns how many they are; no
// more than `capacity` are written, which must be the number of patterns. -1 when the memory for
// matching them together ran out.
ptrdiff_t lr_re2_set_match(
    const lr_re2_set *set, const uint8_t *text, size_t length, int32_t *numbers, size_t capacity);

#ifdef __cplusplus
}
#endif
