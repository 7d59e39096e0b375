#include "acquire/custody/json_text.h"

#include "kanshiki/escape.h"

#include <nlohmann/json.hpp>

#include <set>
#include <vector>

namespace kanshiki {
namespace {

using Json = nlohmann::ordered_json;

// Sees every token before anything is built; a false ends the parse.
class Checker final : public nlohmann::json_sax<Json> {
public:
    explicit Checker(const JsonLimits& limits) : limits_(limits) {}
    std::string why;

    bool null() override { return value(); }
    bool boolean(bool) override { return value(); }
    bool number_integer(number_integer_t) override { return value(); }
    bool number_unsigned(number_unsigned_t) override { return value(); }
    bool number_float(number_float_t, const string_t&) override { return value(); }
    bool string(string_t&) override { return value(); }
    bool binary(binary_t&) override { return fail("binary value"); }
    bool start_object(size_t) override { return open(); }
    bool start_array(size_t) override { return open(); }
    bool end_object() override { return close(); }
    bool end_array() override { return close(); }
    bool key(string_t& name) override {
        auto& keys = keys_.back();
        if (keys.size() >= limits_.keys)
            return fail("more than " + std::to_string(limits_.keys) + " keys in one object");
        if (!keys.insert(name).second) return fail("key twice in one object");
        return true;
    }
    bool parse_error(size_t position, const std::string&, const nlohmann::detail::exception&) override {
        return fail("not JSON at byte " + std::to_string(position));
    }

private:
    bool fail(const std::string& text) {
        if (why.empty()) why = text;
        return false;
    }
    bool value() {
        return ++values_ <= limits_.values || fail("more than " + std::to_string(limits_.values) + " values");
    }
    bool open() {
        if (keys_.size() >= limits_.depth) return fail("nested deeper than " + std::to_string(limits_.depth));
        keys_.emplace_back();
        return value();
    }
    bool close() {
        keys_.pop_back();
        return true;
    }

    const JsonLimits& limits_;
    std::vector<std::set<std::string>> keys_; // of the objects that are open
    size_t values_ = 0;
};

bool scalars_only(const Json& value) {
    for (const Json& item : value)
        if (item.is_structured() && !item.empty()) return false;
    return true;
}

std::string on_one_line(const Json& value) {
    if (!value.is_structured() || value.empty()) return value.dump();
    std::string out;
    for (const auto& [key, item] : value.items()) {
        out += out.empty() ? "" : ", ";
        if (value.is_object()) out += Json(key).dump() + ": ";
        out += on_one_line(item);
    }
    return value.is_object() ? "{" + out + "}" : "[" + out + "]";
}

// Deep only as what we build ourselves: the manifest has four levels.
void add(std::string& out, const Json& value, size_t indent) {
    constexpr size_t width = 116;
    if (!value.is_structured() || (value.size() <= width && scalars_only(value))) {
        const std::string line = on_one_line(value);
        if (!value.is_structured() || indent + line.size() <= width) {
            out += line;
            return;
        }
    }
    out += value.is_object() ? '{' : '[';
    bool first = true;
    for (const auto& [key, item] : value.items()) {
        out += first ? "\n" : ",\n";
        first = false;
        out.append(indent + 2, ' ');
        if (value.is_object()) out += Json(key).dump() + ": ";
        add(out, item, indent + 2);
    }
    out += '\n';
    out.append(indent, ' ');
    out += value.is_object() ? '}' : ']';
}

} // namespace

std::string parse_json(std::string_view text, const JsonLimits& limits, Json& out) {
    // nlohmann takes a NUL for the end of its input and would not see what stands behind it.
    if (const size_t nul = text.find('\0'); nul != text.npos) return "NUL at byte " + std::to_string(nul + 1);
    Checker checker(limits);
    if (!Json::sax_parse(text, &checker)) return checker.why.empty() ? "not JSON" : checker.why;
    out = Json::parse(text);
    return {};
}

Json json_string(std::string_view bytes) { return to_utf8_lossless(bytes); }

std::string pretty(const Json& value) {
    std::string out;
    add(out, value, 0);
    out += '\n';
    return out;
}

} // namespace kanshiki
