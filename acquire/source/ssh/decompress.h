#pragma once
// Streaming decoders for what a far compressor sends. The far side may be hostile: output never exceeds what the
// caller gives room for, memory is bounded (windows up to 8 MiB), and a stream must end where its format says.

#include "acquire/source/ssh/dd_command.h"

#include <cstddef>
#include <memory>
#include <span>

namespace kanshiki::ssh {

class Decoder {
public:
    struct Step {
        size_t consumed = 0, produced = 0;
    };

    virtual ~Decoder() = default;

    // Takes from `in`, puts into `out`. Neither consumed nor produced: it wants more of what is empty. Throws
    // Error{source_lost}: the stream is damaged, or goes on after its end.
    virtual Step decode(std::span<const std::byte> in, std::span<std::byte> out) = 0;

    // The stream's own end was met: a channel that ends before it was cut.
    virtual bool ended() const = 0;
};

std::unique_ptr<Decoder> make_decoder(Compressor compressor); // for one stream

} // namespace kanshiki::ssh
