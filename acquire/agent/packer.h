#pragma once
// From the bytes of a read to the reply that carries them.

#include "acquire/block/agent_protocol.h"

#include <condition_variable>
#include <memory>
#include <mutex>

struct ZSTD_CCtx_s;

namespace kanshiki::agent {

struct Packed {
    ReplyHeader header;
    std::vector<std::byte> lists; // digest and bad ranges
    std::span<const std::byte> body;
    std::vector<std::byte> compressed; // kept from use to use
};

// As many threads pack at a time as there are cores for it; the rest wait. Each place holds a compressor, so that many
// threads that wait for the disk do not hold one each. Any thread.
class Packer {
public:
    explicit Packer(unsigned cores);
    ~Packer();

    // content, and where it lay, must outlive `out`, whose body may point into it. header.read_us and the like of
    // the read are the caller's.
    void pack(const Request& request, const Read& read, Packed& out);

private:
    ZSTD_CCtx_s* enter();
    void leave(ZSTD_CCtx_s* place);
    void shape(const Request& request, const Read& read, ZSTD_CCtx_s* place, Packed& out);

    std::mutex mutex_;
    std::condition_variable free_;
    std::vector<ZSTD_CCtx_s*> places_;
};

} // namespace kanshiki::agent
