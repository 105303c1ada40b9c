#include "lr_re2.h"

#include <algorithm>
#include <cstring>
#include <new>
#include <re2/re2.h>
#include <re2/set.h>
#include <vector>

struct lr_re2 {
    RE2 pattern;
    lr_re2(const re2::StringPiece &text, const RE2::Options &options) : pattern(text, options) {}
};

struct lr_re2_set {
    RE2::Set patterns;
    lr_re2_set(const RE2::Options &options, RE2::Anchor anchor) : patterns(options, anchor) {}
};

static re2::StringPiece piece(const uint8_t *bytes, size_t length) {
    return re2::StringPiece(reinterpret_cast<const char *>(bytes), length);
}

extern "C" {
lr_re2 *lr_re2_create(
    const uint8_t *pattern, size_t length, char *message, size_t message_capacity) {
    RE2::Options options;
    options.set_log_errors(false);
    options.set_max_mem(8 << 20);
    lr_re2 *compiled = new (std::nothrow) lr_re2(piece(pattern, length), options);
    if (compiled != nullptr && compiled->pattern.ok()) return compiled;
    const char *why = compiled == nullptr ? "out of memory" : compiled->pattern.error().c_str();
    strncpy(message, why, message_capacity - 1);
    message[message_capacity - 1] = 0;
    delete compiled;
    return nullptr;
}

void lr_re2_destroy(lr_re2 *pattern) { delete pattern; }

bool lr_re2_full_match(const lr_re2 *pattern, const uint8_t *text, size_t length) {
    return pattern->pattern.Match(
        piece(text, length), 0, length, RE2::ANCHOR_BOTH, nullptr, 0);
}

bool lr_re2_partial_match(const lr_re2 *pattern, const uint8_t *text, size_t length) {
    return pattern->pattern.Match(piece(text, length), 0, length, RE2::UNANCHORED, nullptr, 0);
}

bool lr_contains(const uint8_t *text, size_t length, const uint8_t *part, size_t part_length) {
    // Of short texts glibc's memmem is slower than this by far.
    if (part_length == 0) return true;
    while (length >= part_length) {
        const void *hit = memchr(text, part[0], length - part_length + 1);
        if (hit == nullptr) return false;
        const uint8_t *start = static_cast<const uint8_t *>(hit);
        if (memcmp(start, part, part_length) == 0) return true;
        length -= start + 1 - text;
        text = start + 1;
    }
    return false;
}

lr_re2_set *lr_re2_set_create(bool is_whole, bool is_literal, size_t count) {
    RE2::Options options;
    options.set_log_errors(false);
    options.set_literal(is_literal);
    // The automaton is built while it is used, up to this size, and begun anew when it is full.
    options.set_max_mem(std::min<int64_t>((8 << 20) + int64_t(count) * (64 << 10), 128 << 20));
    return new (std::nothrow)
        lr_re2_set(options, is_whole ? RE2::ANCHOR_BOTH : RE2::UNANCHORED);
}

void lr_re2_set_destroy(lr_re2_set *set) { delete set; }

bool lr_re2_set_add(lr_re2_set *set, const uint8_t *pattern, size_t length) {
    return set->patterns.Add(piece(pattern, length), nullptr) >= 0;
}

bool lr_re2_set_compile(lr_re2_set *set) { return set->patterns.Compile(); }

ptrdiff_t lr_re2_set_match(
    const lr_re2_set *set, const uint8_t *text, size_t length, int32_t *numbers, size_t capacity) {
    static thread_local std::vector<int> found;
    RE2::Set::ErrorInfo error = {RE2::Set::kNoError};
    // Whether any matches costs half of which do, and mostly none does.
    if (!set->patterns.Match(piece(text, length), nullptr, &error)) {
        return error.kind == RE2::Set::kNoError ? 0 : -1;
    }
    if (!set->patterns.Match(piece(text, length), &found, &error)) {
        return error.kind == RE2::Set::kNoError ? 0 : -1;
    }
    const size_t count = std::min(found.size(), capacity);
    std::copy_n(found.begin(), count, numbers);
    return ptrdiff_t(count);
}
}
