#pragma once
// Standard output, or a file that is already open, for a million lines: errors are thrown, none is lost.

#include <span>
#include <string>
#include <string_view>

namespace kanshiki {

class OutputStream {
public:
    explicit OutputStream(int descriptor, std::string name = "standard output");
    void write(std::string_view text);
    void flush(); // Error{destination}; call it at the end: what is not flushed is lost

private:
    int descriptor_;
    std::string name_, buffer_;
};

} // namespace kanshiki
