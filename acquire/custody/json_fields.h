#pragma once
// One object of a JSON file from outside, read field by field.

#include "kanshiki/digest.h"
#include "kanshiki/error.h"
#include "kanshiki/manifest.h"

#include <nlohmann/json.hpp>

#include <limits>

namespace kanshiki {

// Every failure is Error{never_valid} and names the file and the field. The object and `name` must outlive it.
class JsonFields {
public:
    using Json = nlohmann::ordered_json;
    JsonFields(const Json& object, std::string_view name, std::string path)
        : object_(object), name_(name), path_(std::move(path)) {
        if (!object.is_object())
            throw Error(ExitCode::never_valid, std::string(name_) + ": " + path_ + " is not an object");
    }

    [[noreturn]] void fail(const std::string& key, const std::string& why) const {
        throw Error(ExitCode::never_valid,
                    std::string(name_) + ": " + (path_.empty() ? "" : path_ + ".") + key + " " + why);
    }
    const Json& at(const char* key) const {
        const auto found = object_.find(key);
        if (found == object_.end()) fail(key, "is missing");
        return *found;
    }
    bool null(const char* key) const { return at(key).is_null(); }
    std::string text(const char* key) const {
        if (!at(key).is_string()) fail(key, "is not text");
        return at(key).get<std::string>();
    }
    uint64_t number(const char* key, uint64_t most = std::numeric_limits<uint64_t>::max()) const {
        if (!at(key).is_number_unsigned()) fail(key, "is not an unsigned 64-bit integer");
        const uint64_t value = at(key).get<uint64_t>();
        if (value > most) fail(key, "is larger than possible");
        return value;
    }
    int64_t signed_number(const char* key) const {
        if (!at(key).is_number_integer()) fail(key, "is not an integer");
        if (at(key).is_number_unsigned()) return static_cast<int64_t>(number(key, std::numeric_limits<int64_t>::max()));
        return at(key).get<int64_t>();
    }
    // A name that is looked for in the file's own folder and nowhere else.
    std::string file_name(const char* key) const {
        const std::string value = text(key);
        if (value.empty() || value.size() > 255 || value == "." || value == ".." || value.find('/') != value.npos ||
            value.find('\0') != value.npos)
            fail(key, "is not a plain file name");
        return value;
    }
    // Lower case only, as we write it: so a changed letter is seen.
    std::string hex(const char* key, size_t bytes) const {
        const std::string value = text(key);
        if (value.size() != 2 * bytes || value.find_first_not_of("0123456789abcdef") != value.npos)
            fail(key, "is not a digest of " + std::to_string(2 * bytes) + " lower-case hex digits");
        return value;
    }
    Digest digest(const char* key) const { return *digest_from_hex(hex(key, sizeof(Digest))); }
    std::optional<Digest> digest_or_null(const char* key) const {
        return null(key) ? std::nullopt : std::optional(digest(key));
    }
    JsonFields object(const char* key) const { return {at(key), name_, inside(key)}; }
    const Json& array(const char* key, size_t most) const {
        const Json& value = at(key);
        if (!value.is_array()) fail(key, "is not a list");
        if (value.size() > most) fail(key, "has more than " + std::to_string(most) + " entries");
        return value;
    }
    JsonFields item(const char* key, size_t index) const {
        return {at(key)[index], name_, inside(key) + "[" + std::to_string(index) + "]"};
    }
    std::vector<std::string> texts(const char* key) const {
        std::vector<std::string> out;
        for (const Json& value : array(key, 100'000)) {
            if (!value.is_string()) fail(key, "holds something that is not text");
            out.push_back(value.get<std::string>());
        }
        return out;
    }
    std::vector<uint64_t> numbers(const char* key, uint64_t most, bool ascending) const {
        std::vector<uint64_t> out;
        for (const Json& value : array(key, manifest_lists)) {
            if (!value.is_number_unsigned() || value.get<uint64_t>() > most) fail(key, "holds a number that cannot be");
            const uint64_t number = value.get<uint64_t>();
            if (ascending && !out.empty() && number <= out.back()) fail(key, "is not ascending");
            out.push_back(number);
        }
        return out;
    }
    std::vector<std::pair<std::string, std::string>> pairs() const {
        std::vector<std::pair<std::string, std::string>> out;
        for (const auto& [key, value] : object_.items()) {
            if (!value.is_string()) fail(key, "is not text");
            out.emplace_back(key, value.get<std::string>());
        }
        return out;
    }

private:
    std::string inside(const char* key) const { return path_.empty() ? key : path_ + "." + key; }
    const Json& object_;
    std::string_view name_;
    std::string path_;
};

} // namespace kanshiki
