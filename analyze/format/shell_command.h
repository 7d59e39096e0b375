#pragma once
// A shell command line taken apart far enough to see what it runs: POSIX XCU 2.3 and 2.9 without expansion. Not a
// shell: what it cannot follow it leaves as words.

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace kanshiki::format {

struct SimpleCommand {
    enum class Link : uint8_t {
        sequence,     // after nothing, ; & && || ( { or a newline
        pipe,         // reads the output of `parent`
        substitution, // $(…), `…` or <(…) inside the words of `parent`
    };
    Link link = Link::sequence;
    size_t parent = 0;              // always an earlier one
    std::vector<std::string> words; // without their quotes; redirections left in
};

// At most 256 commands and 64 KiB of text, the rest is left out (and `complete` false).
struct ShellLine {
    std::vector<SimpleCommand> commands;
    bool complete = true;
};

ShellLine parse_shell_line(std::string_view text);

// The index of what a command really runs: behind assignments, and behind programs that only start another one (env,
// nohup, sudo …). words.size() when there is nothing.
size_t program_index(const SimpleCommand& command);

} // namespace kanshiki::format
