#include "lr_re2.h"

#include <cstring>
#include <new>
#include <re2/re2.h>

struct lr_re2 {
    RE2 pattern;
    lr_re2(const re2::StringPiece &text, const RE2::Options &options) : pattern(text, options) {}
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
    return RE2::FullMatch(piece(text, length), pattern->pattern);
}

bool lr_re2_partial_match(const lr_re2 *pattern, const uint8_t *text, size_t length) {
    return RE2::PartialMatch(piece(text, length), pattern->pattern);
}
}
