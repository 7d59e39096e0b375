#pragma once
// One JSON object on one line, written straight to text: listings have a million of them.

#include "kanshiki/escape.h"

#include <charconv>
#include <concepts>
#include <cstring>
#include <string>
#include <string_view>

namespace kanshiki {

class JsonLine {
public:
    JsonLine() : out_(own_) {}
    explicit JsonLine(std::string& out) : out_(out) {} // end() puts the line there
    JsonLine(const JsonLine&) = delete;
    JsonLine& operator=(const JsonLine&) = delete;

    // Text that may be any bytes: to_utf8_lossless, and nothing in it can leave the string or steer a terminal.
    JsonLine& text(std::string_view key, std::string_view bytes) {
        return is_plain(bytes) ? plain(key, bytes) : plain(key, escape_json(bytes)); // nearly all are plain
    }
    // Text known to be fit for the inside of a JSON string.
    JsonLine& plain(std::string_view key, std::string_view bytes) {
        begin(key);
        put("\"");
        put(bytes);
        put("\"");
        return *this;
    }
    JsonLine& number(std::string_view key, std::integral auto value) {
        begin(key);
        if (room() < 24) flush();
        at_ = std::to_chars(at_, held_ + sizeof held_, value).ptr;
        return *this;
    }
    JsonLine& flag(std::string_view key, bool value) { return raw(key, value ? "true" : "false"); }
    JsonLine& raw(std::string_view key, std::string_view json) {
        begin(key);
        put(json);
        return *this;
    }
    void end() {
        put(empty_ ? "{}\n" : "}\n");
        flush();
        empty_ = true;
    }
    // The line, of one that was not given a place for it.
    std::string finish() {
        end();
        return std::move(own_);
    }

private:
    size_t room() const { return static_cast<size_t>(held_ + sizeof held_ - at_); }
    void begin(std::string_view key) {
        put(empty_ ? "{\"" : ",\"");
        empty_ = false;
        put(key);
        put("\":");
    }
    void put(std::string_view bytes) {
        if (bytes.size() > room()) {
            flush();
            if (bytes.size() > sizeof held_) {
                out_ += bytes;
                return;
            }
        }
        std::memcpy(at_, bytes.data(), bytes.size());
        at_ += bytes.size();
    }
    void flush() {
        out_.append(held_, static_cast<size_t>(at_ - held_));
        at_ = held_;
    }

    std::string own_;
    std::string& out_;
    char held_[1024]; // of the line, not in out_ yet
    char* at_ = held_;
    bool empty_ = true;
};

} // namespace kanshiki
