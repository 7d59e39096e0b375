#include "acquire/evidence/zst_table.h"

#include "kanshiki/error.h"

namespace kanshiki {
namespace {

constexpr uint32_t skippable_magic = 0x184D2A5E, footer_magic = 0x8F92EAB1;
constexpr size_t header_size = 8, footer_size = 9;
constexpr uint32_t smallest_stored = 8; // a skippable frame's header; a data frame needs more

// No encoder comes near it: what does not compress is stored with 3 bytes to a block.
uint64_t most_stored(uint32_t content) { return 2 * uint64_t{content} + 1024 * 1024; }

void put32(std::vector<std::byte>& out, uint32_t value) {
    for (unsigned i = 0; i < 4; ++i) out.push_back(static_cast<std::byte>(value >> 8 * i));
}

uint32_t get32(std::span<const std::byte> at) {
    uint32_t value = 0;
    for (unsigned i = 0; i < 4; ++i) value |= std::to_integer<uint32_t>(at[i]) << 8 * i;
    return value;
}

size_t entry_size(std::byte descriptor) { return (descriptor & std::byte{0x80}) != std::byte{0} ? 12 : 8; }

[[noreturn]] void refuse(const std::string& name, const std::string& what) {
    throw Error(ExitCode::never_valid,
                name + ": seek table: " + what + "; restore it with zstd -d if it is a zstd file at all");
}

// The entries of a table, each checked against the file; those without content are passed over.
class TableWalk {
public:
    TableWalk(std::span<const std::byte> table, uint64_t file_size, const std::string& name)
        : table_(table), room_(file_size - table.size()), name_(name) {}

    template<typename Visit>
    void each(Visit visit) const {
        const size_t entry = entry_size(table_.last(footer_size)[4]);
        ZstFrame next;
        uint64_t index = 0;
        for (size_t at = header_size; at + footer_size < table_.size(); at += entry, ++index) {
            next.stored = get32(table_.subspan(at));
            next.content = get32(table_.subspan(at + 4));
            check(next, index);
            if (next.content > 0) visit(next);
            next.offset += next.stored;
            next.content_offset += next.content;
        }
        if (next.offset != room_) refuse(name_, "its frames do not fill the file");
    }

private:
    void check(const ZstFrame& frame, uint64_t index) const {
        const std::string which = "frame " + std::to_string(index);
        if (frame.content > largest_zst_frame)
            refuse(name_, which + " holds " + std::to_string(frame.content) + " bytes, more than 16 MiB");
        if (frame.stored > room_ - frame.offset) refuse(name_, which + " points outside the file");
        if (frame.stored < smallest_stored)
            refuse(name_, which + " has " + std::to_string(frame.stored) + " bytes: too few for a frame");
        if (frame.content > 0 && frame.stored > most_stored(frame.content))
            refuse(name_, which + " has " + std::to_string(frame.stored) + " bytes for " +
                              std::to_string(frame.content) + " of content");
    }

    const std::span<const std::byte> table_;
    const uint64_t room_; // for frames
    const std::string& name_;
};

} // namespace

std::vector<std::byte> render_seek_table(std::span<const ZstFrame> frames) {
    std::vector<std::byte> out;
    out.reserve(header_size + frames.size() * 8 + footer_size);
    put32(out, skippable_magic);
    put32(out, static_cast<uint32_t>(frames.size() * 8 + footer_size));
    for (const ZstFrame& frame : frames) {
        put32(out, frame.stored);
        put32(out, frame.content);
    }
    put32(out, static_cast<uint32_t>(frames.size()));
    out.push_back(std::byte{0}); // descriptor: no checksums here, each frame carries its own
    put32(out, footer_magic);
    return out;
}

uint64_t seek_table_size(std::span<const std::byte> footer) {
    if (footer.size() != footer_size || get32(footer.subspan(5)) != footer_magic) return 0;
    const uint64_t frames = get32(footer);
    return frames > most_zst_frames ? 0 : header_size + frames * entry_size(footer[4]) + footer_size;
}

std::vector<ZstFrame> parse_seek_table(std::span<const std::byte> table, uint64_t file_size, const std::string& name) {
    const auto footer = table.last(footer_size);
    if ((footer[4] & std::byte{0x7C}) != std::byte{0}) refuse(name, "reserved bits are set");
    if (get32(table) != skippable_magic || get32(table.subspan(4)) != table.size() - header_size)
        refuse(name, "its frame does not fit its size");
    // Twice over it: what it claims is checked before memory is taken for it.
    const TableWalk walk(table, file_size, name);
    size_t with_content = 0;
    walk.each([&](const ZstFrame&) { ++with_content; });
    std::vector<ZstFrame> frames;
    frames.reserve(with_content);
    walk.each([&](const ZstFrame& frame) { frames.push_back(frame); });
    return frames;
}

} // namespace kanshiki
