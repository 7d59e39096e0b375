#pragma once
// The one place where libtsk gets bytes: a VolumeReader as TSK_IMG_INFO. The volume begins at offset 0 of it.

#include "analyze/filesystem/volume_reader.h"

#include <exception>
#include <tsk/libtsk.h>

namespace kanshiki::tsk {

// libtsk casts TSK_IMG_INFO* to this and back, so info comes first (facts: tsk_img_open_external).
struct Image {
    TSK_IMG_INFO info{};
    VolumeReader reader;
    std::exception_ptr failure; // of the source; C code in between cannot carry it

    Image(BlockSource& source, Range volume, std::stop_token stop);
    Image(const Image&) = delete;
    Image& operator=(const Image&) = delete;
    ~Image();
    // After each call into libtsk: throws what the source threw meanwhile.
    void rethrow() {
        if (failure) std::rethrow_exception(std::exchange(failure, nullptr));
    }
};

std::string last_error(); // libtsk's own words for its last error on this thread, on one line

} // namespace kanshiki::tsk
