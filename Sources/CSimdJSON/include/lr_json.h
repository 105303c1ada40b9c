#pragma once
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

// One JSON value, in document order. Members of an object are a name (kind LR_JSON_STRING)
// followed by its value. `next` is the index of the first node behind this value.
typedef struct {
    uint32_t kind;
    uint32_t next;
    // Strings and numbers: a range of the text buffer (strings unescaped, numbers as written).
    // Arrays and objects: `length` is the number of elements or members.
    uint32_t offset;
    uint32_t length;
} lr_json_node;

enum {
    LR_JSON_NULL = 0,
    LR_JSON_FALSE = 1,
    LR_JSON_TRUE = 2,
    LR_JSON_NUMBER = 3,
    LR_JSON_STRING = 4,
    LR_JSON_ARRAY = 5,
    LR_JSON_OBJECT = 6,
};

enum {
    LR_JSON_OK = 0,
    LR_JSON_SYNTAX = 1,
    LR_JSON_DEPTH = 2,
    LR_JSON_TOO_MANY = 3,
    LR_JSON_MEMORY = 4,
    LR_JSON_DUPLICATE = 5,
};

typedef struct lr_json_parser lr_json_parser;

lr_json_parser *lr_json_create(void);
void lr_json_destroy(lr_json_parser *parser);

// Parses one strict RFC 8259 document in UTF-8. The results stay valid until the next call.
int lr_json_parse(
    lr_json_parser *parser, const uint8_t *bytes, size_t length, uint32_t depth_max,
    uint32_t nodes_max);

const lr_json_node *lr_json_nodes(const lr_json_parser *parser, size_t *count);
const uint8_t *lr_json_text(const lr_json_parser *parser, size_t *count);
// The longest text that the parser has room for.
size_t lr_json_capacity(const lr_json_parser *parser);
const char *lr_json_message(const lr_json_parser *parser);

#ifdef __cplusplus
}
#endif
