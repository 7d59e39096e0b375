#include "analyze/format/gunzip.h"

#include <array>
#include <zlib.h>

namespace kanshiki::format {

namespace {

struct Inflater {
    z_stream stream{};
    Inflater() { sound = inflateInit2(&stream, 15 + 16) == Z_OK; } // 16: gzip only
    ~Inflater() { inflateEnd(&stream); }
    Inflater(const Inflater&) = delete;
    Inflater& operator=(const Inflater&) = delete;
    bool sound = false;
};

} // namespace

Gunzipped gunzip(const std::function<std::string_view()>& next, uint64_t limit,
                 const std::function<void(std::string_view)>& out) {
    Gunzipped result;
    Inflater inflater;
    if (!inflater.sound) return {0, false, "zlib has no memory"};
    std::array<char, 64 << 10> buffer;
    bool between = true; // members
    for (std::string_view input = next();; input = next()) {
        if (input.empty()) {
            result.complete = between && result.why.empty();
            if (!between) result.why = "the gzip data end in the middle";
            return result;
        }
        inflater.stream.next_in =
            reinterpret_cast<Bytef*>(const_cast<char*>(input.data())); // zlib does not write there
        inflater.stream.avail_in = static_cast<uInt>(input.size());
        bool more = true; // output that zlib still holds
        while (inflater.stream.avail_in > 0 || more) {
            if (between && inflater.stream.avail_in > 0) between = false;
            inflater.stream.next_out = reinterpret_cast<Bytef*>(buffer.data());
            inflater.stream.avail_out = buffer.size();
            const int code = inflate(&inflater.stream, Z_NO_FLUSH);
            const size_t got = buffer.size() - inflater.stream.avail_out;
            more = inflater.stream.avail_out == 0;
            const size_t room = limit - result.size;
            if (got > 0) out(std::string_view(buffer.data(), got < room ? got : room));
            result.size += got < room ? got : room;
            if (got > room) return {result.size, false, "inflates to more than " + std::to_string(limit) + " bytes"};
            if (code == Z_STREAM_END) {
                between = true;
                more = false;
                inflateReset(&inflater.stream);
            } else if ((code != Z_OK && code != Z_BUF_ERROR) ||
                       (code == Z_BUF_ERROR && inflater.stream.avail_in > 0 && got == 0)) {
                return {result.size, false, "the gzip data are damaged"};
            }
        }
    }
}

} // namespace kanshiki::format
