#include "analyze/filesystem/tsk/image.h"

#include "kanshiki/error.h"

#include <algorithm>

namespace kanshiki::tsk {
namespace {

ssize_t read_image(TSK_IMG_INFO* info, TSK_OFF_T offset, char* buffer, size_t size) {
    auto& image = *reinterpret_cast<Image*>(info);
    try {
        const uint64_t whole = image.reader.size();
        if (offset < 0 || static_cast<uint64_t>(offset) >= whole) return 0;
        const auto from = static_cast<uint64_t>(offset);
        size = static_cast<size_t>(std::min<uint64_t>(size, whole - from));
        image.reader.read(from, {reinterpret_cast<std::byte*>(buffer), size});
        return static_cast<ssize_t>(size);
    } catch (...) {
        image.failure = std::current_exception();
        return -1;
    }
}

void close_image(TSK_IMG_INFO*) {}
void describe_image(TSK_IMG_INFO*, FILE*) {}

} // namespace

Image::Image(BlockSource& source, Range volume, std::stop_token stop) : reader(source, volume, std::move(stop)) {
    const uint64_t size = std::min<uint64_t>(reader.size(), INT64_MAX);
    if (tsk_img_open_external(this, static_cast<TSK_OFF_T>(size), 512, read_image, close_image, describe_image) ==
        nullptr)
        throw Error(ExitCode::internal, "libtsk: " + last_error());
}

Image::~Image() { pthread_mutex_destroy(&info.cache_lock.mutex); }

std::string last_error() {
    const char* text = tsk_error_get();
    std::string line = text == nullptr ? "no reason given" : text;
    std::ranges::replace(line, '\n', ' ');
    tsk_error_reset();
    return line;
}

} // namespace kanshiki::tsk
