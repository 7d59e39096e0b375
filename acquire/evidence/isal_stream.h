#pragma once
// ISA-L's compression state, kept where its address does no harm.
//
// igzip of ISA-L (2.30; isal_deflate_icf_body_hash_hist_*, at .write_first_byte) takes the hash of a piece's second
// position from a register that still holds the address of the isal_zstream: the slot of the hash table that is written
// then depends on bits 16 to 47 of that address. The output is right for any of them, but about one repetitive piece in
// 7,000 comes out otherwise than it does elsewhere. Every state made here has an address that hashes to the same slot,
// so that a piece gives the same bytes in any thread of any run.

#include <isa-l/igzip_lib.h>

namespace kanshiki {

// Owned by one thread at a time. Where the address space is too small for the search (ulimit -v), the state lies at any
// address.
class IsalStream {
public:
    IsalStream();
    ~IsalStream();
    IsalStream(const IsalStream&) = delete;
    IsalStream& operator=(const IsalStream&) = delete;
    isal_zstream& operator*() { return *stream_; }

    // The slot that an address of these bits makes ISA-L write.
    static unsigned slot(const void* address);

private:
    isal_zstream* stream_ = nullptr;
};

} // namespace kanshiki
