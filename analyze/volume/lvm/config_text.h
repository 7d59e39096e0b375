#pragma once
// LVM2's configuration text, the form of its metadata (lvm.conf(5); lvm2's libdm/libdm-config.c):
//     name { ... }    name = 12    name = "text"    name = [ "text", 12 ]    # comment

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace kanshiki::lvm {

struct ConfigValue {
    bool is_text = false;
    std::string text;
    uint64_t number = 0;
};

struct ConfigNode {
    std::string name;
    bool is_section = false;
    std::vector<ConfigValue> values;  // one, or those of an array
    std::vector<ConfigNode> children; // of a section

    const ConfigNode* find(std::string_view child) const;    // the first of that name, or null
    const ConfigNode& section(std::string_view child) const; // these throw Error{never_valid} where it is not so
    uint64_t number(std::string_view child) const;
    uint64_t number(std::string_view child, uint64_t otherwise) const; // absent: otherwise
    const std::string& text(std::string_view child) const;
    std::string text_or_empty(std::string_view child) const;
    bool lists(std::string_view child, std::string_view text) const; // the array `child` has that text
};

// The whole text as one section. At most a million nodes and values, 16 sections deep. Throws Error{never_valid}.
ConfigNode parse_config(std::string_view text);

} // namespace kanshiki::lvm
