// LUKS1 On-Disk Format Specification 1.2.3; LUKS2 On-Disk Format Specification 1.1.1.

#include "analyze/volume/luks/header.h"

#include "acquire/custody/json_fields.h"
#include "acquire/custody/json_text.h"
#include "analyze/filesystem/bytes.h"

#include <algorithm>
#include <charconv>
#include <cstring>

namespace kanshiki::luks {
namespace {

using Bytes = std::vector<std::byte>;

constexpr uint64_t second_copy = 16 * 1024; // of a header of the default size
constexpr uint64_t smallest_header = 16 * 1024, largest_header = 4 << 20;
constexpr uint64_t json_start = 4096;
// What a key may cost to try: some minutes. What is beyond would be a trap.
constexpr uint64_t most_iterations = 100'000'000, most_memory = 4 << 20 /* KiB */, most_work = 256 << 20 /* KiB */;

std::string text_at(std::span<const std::byte> bytes, size_t at, size_t size) {
    const std::string text(reinterpret_cast<const char*>(bytes.data()) + at, size);
    return text.substr(0, text.find('\0'));
}

bool magic(std::span<const std::byte> bytes, std::string_view wanted) {
    return std::memcmp(bytes.data(), wanted.data(), wanted.size()) == 0;
}

Header read_first_version(std::span<const std::byte> bytes) {
    Header out;
    out.version = 1;
    out.cipher = text_at(bytes, 8, 32) + "-" + text_at(bytes, 40, 32);
    out.offset = uint64_t{be32(bytes, 104)} * 512;
    out.key_size = be32(bytes, 108);
    out.uuid = text_at(bytes, 168, 40);
    uint64_t most = be32(bytes, 164);
    for (unsigned slot = 0; slot < 8; slot++) {
        const size_t at = 208 + size_t{slot} * 48;
        if (be32(bytes, at) != 0x00ac71f3) continue;
        const uint64_t iterations = be32(bytes, at + 4);
        most = std::max(most, iterations);
        out.keyslots.push_back(std::to_string(slot) + ": PBKDF2-" + text_at(bytes, 72, 32) + ", " +
                               std::to_string(iterations) + " iterations");
    }
    if (most > most_iterations) out.unopenable = std::to_string(most) + " iterations would take too long";
    return out;
}

// Numbers of more than 32 bits are texts in LUKS2's JSON.
uint64_t number_text(const JsonFields& fields, const char* key) {
    const std::string text = fields.text(key);
    uint64_t value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc{} || end != text.data() + text.size()) fields.fail(key, "is no number");
    return value;
}

class SecondVersion {
public:
    explicit SecondVersion(Header& out) : out_(out) {}

    void read(std::string_view text) {
        nlohmann::ordered_json json;
        if (const std::string wrong = parse_json(text, JsonLimits{}, json); !wrong.empty())
            throw Error(ExitCode::never_valid, "its JSON cannot be read: " + wrong);
        const JsonFields top(json, "LUKS2", "");
        for (const auto& [name, value] : object(top, "keyslots").items())
            add_keyslot(name, JsonFields(value, "LUKS2", "keyslots." + name));
        for (const auto& [name, value] : object(top, "digests").items())
            limit(JsonFields(value, "LUKS2", "digests." + name).number("iterations") > most_iterations);
        read_segments(top);
        const JsonFields config = top.object("config");
        if (!top.at("config").contains("requirements")) return;
        const JsonFields requirements = config.object("requirements");
        if (!config.at("requirements").contains("mandatory")) return;
        if (const auto needed = requirements.texts("mandatory"); !needed.empty())
            out_.unopenable = "it requires " + needed.front() + ", which this version does not know";
    }

private:
    static const JsonFields::Json& object(const JsonFields& in, const char* key) {
        (void)in.object(key); // is one
        return in.at(key);
    }

    void limit(bool beyond) {
        if (beyond) out_.unopenable = "its key derivation would take too long or too much memory";
    }

    void add_keyslot(const std::string& name, const JsonFields& slot) {
        if (slot.text("type") != "luks2") return; // of a re-encryption: no key
        const JsonFields kdf = slot.object("kdf");
        const std::string type = kdf.text("type");
        std::string line = name + ": " + type;
        if (type == "pbkdf2") {
            const uint64_t iterations = kdf.number("iterations");
            limit(iterations > most_iterations);
            line += "-" + kdf.text("hash") + ", " + std::to_string(iterations) + " iterations";
        } else {
            const uint64_t memory = kdf.number("memory"), passes = kdf.number("time");
            limit(memory > most_memory || passes > most_work || memory * passes > most_work);
            line += ", " + std::to_string(memory) + " KiB, " + std::to_string(passes) + " passes";
        }
        out_.key_size = static_cast<uint32_t>(slot.number("key_size", 512));
        out_.keyslots.push_back(std::move(line));
    }

    void read_segments(const JsonFields& top) {
        const auto& segments = object(top, "segments");
        if (segments.size() != 1) {
            out_.unopenable = "it is in the middle of being encrypted anew";
            out_.cipher = "several ciphers";
            return;
        }
        const JsonFields segment(segments.begin().value(), "LUKS2", "segments." + segments.begin().key());
        if (segment.text("type") != "crypt") {
            out_.unopenable = "its segment is of type " + segment.text("type");
            return;
        }
        out_.cipher = segment.text("encryption");
        out_.offset = number_text(segment, "offset");
        if (segment.text("size") != "dynamic") out_.size = number_text(segment, "size");
        out_.first_iv = number_text(segment, "iv_tweak");
        out_.sector_size = static_cast<uint32_t>(segment.number("sector_size", 4096));
        if (segments.begin().value().contains("integrity"))
            out_.unopenable = "it has an integrity tag for every sector";
        if (out_.sector_size < 512 || (out_.sector_size & (out_.sector_size - 1)) != 0 ||
            out_.offset % out_.sector_size != 0)
            segment.fail("sector_size", "makes no sense");
    }

    Header& out_;
};

// One copy of a LUKS2 header; nothing when there is none at that place.
std::optional<std::pair<uint64_t, Header>> read_copy(const volume::Disk& disk, uint64_t at, std::string_view wanted) {
    Bytes bytes(json_start);
    if (disk.size < at + json_start) return {};
    disk.read(at, bytes);
    if (!magic(bytes, wanted) || be16(bytes, 6) != 2) return {};
    Header out;
    out.version = 2;
    out.label = text_at(bytes, 24, 48);
    out.uuid = text_at(bytes, 168, 40);
    const uint64_t size = be64(bytes, 8), sequence = be64(bytes, 16);
    const std::string algorithm = text_at(bytes, 72, 32);
    try {
        if (size < smallest_header || size > largest_header || (size & (size - 1)) != 0 || disk.size - at < size)
            throw Error(ExitCode::never_valid, "a header of " + std::to_string(size) + " bytes");
        bytes.resize(static_cast<size_t>(size));
        disk.read(at, bytes);
        const Bytes stored(bytes.begin() + 448, bytes.begin() + 480);
        std::fill_n(bytes.begin() + 448, 64, std::byte{0});
        if (algorithm != "sha256")
            out.faults.push_back("its checksum is of " + algorithm + ", which is not checked");
        else if (const Digest digest = sha256(bytes); std::memcmp(digest.data(), stored.data(), stored.size()) != 0)
            out.faults.emplace_back("the checksum of its header is wrong");
        SecondVersion(out).read(text_at(bytes, json_start, bytes.size() - json_start));
    } catch (const Error& error) {
        out.faults.emplace_back(error.what());
        out.unopenable = "its header is damaged";
    }
    return std::pair(sequence, std::move(out));
}

std::optional<Header> read_second_version(const volume::Disk& disk) {
    auto first = read_copy(disk, 0, "LUKS\xba\xbe");
    if (first && first->second.faults.empty()) return std::move(first->second);
    uint64_t at = second_copy;
    for (; at <= (first ? largest_header : second_copy); at *= 2) { // a damaged header's size cannot be trusted
        auto second = read_copy(disk, at, "SKUL\xba\xbe");
        if (!second || !second->second.faults.empty()) continue;
        second->second.faults.emplace_back(first ? "the first copy of its header is damaged (" +
                                                       first->second.faults.front() + "): the second is used"
                                                 : "the first copy of its header is gone: the second is used");
        return std::move(second->second);
    }
    if (first) return std::move(first->second);
    return {};
}

} // namespace

std::optional<Header> read_header(const volume::Disk& disk) {
    Bytes bytes(592);
    if (disk.size < bytes.size()) return {};
    disk.read(0, bytes);
    if (!magic(bytes, "LUKS\xba\xbe")) return read_second_version(disk);
    const unsigned version = be16(bytes, 6);
    if (version == 2) return read_second_version(disk);
    if (version == 1) return read_first_version(bytes);
    Header out;
    out.version = version;
    out.unopenable = "version " + std::to_string(version) + " is not known";
    return out;
}

std::string describe(const Header& header) {
    const bool known = header.version == 1 || header.version == 2;
    std::string out = "LUKS" + (known ? std::to_string(header.version) : "") + " encrypted volume";
    if (!header.uuid.empty()) out += " " + header.uuid;
    if (!header.label.empty()) out += " \"" + header.label + "\"";
    if (!header.cipher.empty()) out += ", " + header.cipher;
    if (header.sector_size != 512) out += ", sectors of " + std::to_string(header.sector_size) + " bytes";
    for (size_t index = 0; index < header.keyslots.size(); index++)
        out += (index == 0 ? ", keyslots " : "; ") + header.keyslots[index];
    return out;
}

} // namespace kanshiki::luks
