// A small C surface over simdjson: one pass over the document with the on-demand parser, which
// keeps numbers as they were written, into two flat buffers that Swift can copy or walk.
#include "lr_json.h"

#include <algorithm>
#include <cstring>
#include <memory>
#include <new>
#include <simdjson.h>
#include <string>
#include <vector>

namespace ondemand = simdjson::ondemand;

struct lr_json_parser {
    ondemand::parser parser;
    std::vector<uint8_t> input;
    std::vector<lr_json_node> nodes;
    // What strings say, unescaped, is never longer than the input.
    std::unique_ptr<uint8_t[]> text;
    size_t text_capacity = 0;
    size_t text_count = 0;
    uint32_t depth_max = 0;
    uint32_t nodes_max = 0;
    int status = LR_JSON_OK;
    bool has_duplicate = false;
    std::string message;

    bool fail(int code, const char *why) {
        status = code;
        message = why;
        return false;
    }
    bool fail(simdjson::error_code error) {
        return fail(LR_JSON_SYNTAX, simdjson::error_message(error));
    }

    bool open(uint32_t kind, size_t &index) {
        if (nodes.size() >= nodes_max) return fail(LR_JSON_TOO_MANY, "too many values");
        index = nodes.size();
        nodes.push_back({kind, 0, 0, 0});
        return true;
    }
    void close(size_t index) { nodes[index].next = uint32_t(nodes.size()); }

    bool append(uint32_t kind, std::string_view value) {
        size_t index;
        if (!open(kind, index)) return false;
        nodes[index].offset = uint32_t(text_count);
        nodes[index].length = uint32_t(value.size());
        memcpy(text.get() + text_count, value.data(), value.size());
        text_count += value.size();
        close(index);
        return true;
    }

    static std::string_view trimmed(std::string_view raw) {
        while (!raw.empty()
               && (raw.back() == ' ' || raw.back() == '\n' || raw.back() == '\r'
                   || raw.back() == '\t'))
            raw.remove_suffix(1);
        return raw;
    }

    // RFC 8259 section 6, checked by hand: numbers are kept as written, also those that no
    // machine type holds, so the library's own conversion cannot be used to check them.
    static bool is_number(std::string_view s) {
        size_t i = 0;
        auto digits = [&] {
            size_t start = i;
            while (i < s.size() && s[i] >= '0' && s[i] <= '9') i++;
            return i > start;
        };
        if (i < s.size() && s[i] == '-') i++;
        if (i < s.size() && s[i] == '0') {
            i++;
        } else if (!digits()) {
            return false;
        }
        if (i < s.size() && s[i] == '.') {
            i++;
            if (!digits()) return false;
        }
        if (i < s.size() && (s[i] == 'e' || s[i] == 'E')) {
            i++;
            if (i < s.size() && (s[i] == '+' || s[i] == '-')) i++;
            if (!digits()) return false;
        }
        return i == s.size();
    }

    std::string_view name_at(size_t index) const {
        auto first = reinterpret_cast<const char *>(text.get());
        return {first + nodes[index].offset, nodes[index].length};
    }

    // Names are compared as bytes after unescaping (CVE-2017-12635 came from two parsers that
    // chose differently among duplicates; we choose neither). Few names are compared pair by
    // pair, many are sorted: linear hashing could be attacked, this cannot.
    static constexpr size_t few = 16;
    void note_duplicates(const uint32_t *first, size_t members, size_t object) {
        if (members <= few) {
            for (size_t i = 1; i < members; i++) {
                auto name = name_at(first[i]);
                for (size_t j = 0; j < i; j++)
                    if (name_at(first[j]) == name) has_duplicate = true;
            }
            return;
        }
        std::vector<std::string_view> names;
        names.reserve(members);
        for (size_t name = object + 1; name < nodes.size(); name = nodes[name + 1].next)
            names.push_back(name_at(name));
        std::sort(names.begin(), names.end());
        if (std::adjacent_find(names.begin(), names.end()) != names.end()) has_duplicate = true;
    }

    template <typename Value> bool walk(Value &value, uint32_t depth) {
        if (depth > depth_max) return fail(LR_JSON_DEPTH, "nested too deeply");
        ondemand::json_type type;
        if (auto error = value.type().get(type)) return fail(error);
        size_t index;
        switch (type) {
        case ondemand::json_type::object: {
            ondemand::object object;
            if (auto error = value.get_object().get(object)) return fail(error);
            if (!open(LR_JSON_OBJECT, index)) return false;
            uint32_t members = 0;
            uint32_t names[few];
            for (auto result : object) {
                ondemand::field field;
                if (auto error = std::move(result).get(field)) return fail(error);
                std::string_view name;
                if (auto error = field.unescaped_key().get(name)) return fail(error);
                if (members < few) names[members] = uint32_t(nodes.size());
                if (!append(LR_JSON_STRING, name)) return false;
                ondemand::value member = field.value();
                if (!walk(member, depth + 1)) return false;
                members++;
            }
            if (members > 1) note_duplicates(names, members, index);
            nodes[index].length = members;
            close(index);
            return true;
        }
        case ondemand::json_type::array: {
            ondemand::array array;
            if (auto error = value.get_array().get(array)) return fail(error);
            if (!open(LR_JSON_ARRAY, index)) return false;
            uint32_t elements = 0;
            for (auto result : array) {
                ondemand::value element;
                if (auto error = std::move(result).get(element)) return fail(error);
                if (!walk(element, depth + 1)) return false;
                elements++;
            }
            nodes[index].length = elements;
            close(index);
            return true;
        }
        case ondemand::json_type::string: {
            std::string_view string;
            if (auto error = value.get_string().get(string)) return fail(error);
            return append(LR_JSON_STRING, string);
        }
        case ondemand::json_type::number: {
            std::string_view raw = trimmed(token(value));
            if (!is_number(raw)) return fail(simdjson::NUMBER_ERROR);
            // Consumes the token; the conversion's own result and range are of no interest.
            double ignored;
            auto error = value.get_double().get(ignored);
            if (error && error != simdjson::NUMBER_ERROR) return fail(error);
            if (error) return fail(LR_JSON_SYNTAX, "a number is out of range");
            return append(LR_JSON_NUMBER, raw);
        }
        case ondemand::json_type::boolean: {
            bool flag;
            if (auto error = value.get_bool().get(flag)) return fail(error);
            if (!open(flag ? LR_JSON_TRUE : LR_JSON_FALSE, index)) return false;
            close(index);
            return true;
        }
        case ondemand::json_type::null: {
            if (!is_null(value)) return fail(simdjson::N_ATOM_ERROR);
            if (!open(LR_JSON_NULL, index)) return false;
            close(index);
            return true;
        }
        }
        return fail(simdjson::TAPE_ERROR);
    }

    static std::string_view token(ondemand::value &value) { return value.raw_json_token(); }
    static std::string_view token(ondemand::document &value) {
        std::string_view raw;
        if (value.raw_json_token().get(raw)) return {};
        return raw;
    }
    template <typename Value> static bool is_null(Value &value) {
        std::string_view raw = trimmed(token(value));
        if (raw != "null") return false;
        auto result = value.is_null();
        return flag(result);
    }
    static bool flag(bool value) { return value; }
    static bool flag(simdjson::simdjson_result<bool> result) {
        bool value = false;
        return !std::move(result).get(value) && value;
    }

    int parse(const uint8_t *bytes, size_t length) {
        status = LR_JSON_OK;
        has_duplicate = false;
        message.clear();
        nodes.clear();
        text_count = 0;
        if (length == 0) {
            fail(LR_JSON_SYNTAX, "the text is empty");
            return status;
        }
        if (length > text_capacity) {
            text.reset(new uint8_t[length + length / 4]);
            text_capacity = length + length / 4;
        }
        input.resize(length + simdjson::SIMDJSON_PADDING);
        memcpy(input.data(), bytes, length);
        memset(input.data() + length, 0, simdjson::SIMDJSON_PADDING);
        ondemand::document document;
        simdjson::padded_string_view view(
            reinterpret_cast<const char *>(input.data()), length, input.size());
        if (auto error = parser.iterate(view).get(document)) {
            fail(error);
            return status;
        }
        if (walk(document, 1) && document.current_location().error() == simdjson::SUCCESS)
            fail(LR_JSON_SYNTAX, "there is more text behind the value");
        if (status == LR_JSON_OK && has_duplicate)
            fail(LR_JSON_DUPLICATE, "a JSON object has the same name twice");
        return status;
    }
};

extern "C" {
lr_json_parser *lr_json_create(void) { return new (std::nothrow) lr_json_parser(); }

void lr_json_destroy(lr_json_parser *parser) { delete parser; }

int lr_json_parse(
    lr_json_parser *parser, const uint8_t *bytes, size_t length, uint32_t depth_max,
    uint32_t nodes_max) {
    parser->depth_max = depth_max;
    parser->nodes_max = nodes_max;
    try {
        return parser->parse(bytes, length);
    } catch (const std::exception &error) {
        parser->fail(LR_JSON_MEMORY, error.what());
        return parser->status;
    }
}

const lr_json_node *lr_json_nodes(const lr_json_parser *parser, size_t *count) {
    *count = parser->nodes.size();
    return parser->nodes.data();
}

const uint8_t *lr_json_text(const lr_json_parser *parser, size_t *count) {
    *count = parser->text_count;
    return parser->text.get();
}

const char *lr_json_message(const lr_json_parser *parser) { return parser->message.c_str(); }
}
