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

#ifdef __cplusplus
}
#endif
