#include "analyze/artifact/persistence/command_signs.h"
#include "analyze/format/shell_command.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    using namespace kanshiki::format;
    const std::string_view text(reinterpret_cast<const char*>(data), size);
    const ShellLine line = parse_shell_line(text);
    for (size_t i = 0; i < line.commands.size(); ++i)
        if ((i > 0 && line.commands[i].parent >= i) || program_index(line.commands[i]) > line.commands[i].words.size())
            __builtin_trap();
    kanshiki::signs_of(text);
    kanshiki::programs_of(text);
    return 0;
}
