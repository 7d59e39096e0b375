#include "analyze/volume/luks/open_luks.h"

#include "analyze/volume/luks/encrypted_volume.h"
#include "analyze/volume/luks/unlock.h"
#include "analyze/volume/read_partitions.h"
#include "kanshiki/error.h"

namespace kanshiki::luks {

std::optional<Opened> open_luks(BlockSource& source, const Volume& place, const std::vector<std::string>& keys,
                                std::stop_token stop) {
    const volume::Disk disk = volume::disk_of(place.in(source), place.range, std::move(stop));
    const auto header = read_header(disk);
    if (!header) return {};
    Opened out;
    out.uuid = header->uuid;
    out.holds = describe(*header);
    out.faults = header->faults;
    const auto add = [&](const std::string& what) { out.holds += "; " + what; };
    if (!header->unopenable.empty()) {
        add("cannot be opened: " + header->unopenable);
        return out;
    }
    if (header->offset == 0 || header->offset >= place.range.size) {
        add(header->offset == 0 ? "cannot be opened: the header alone is here, what it encrypts is elsewhere"
                                : "cannot be opened: what it encrypts lies beyond the volume's end");
        return out;
    }
    if (keys.empty()) {
        add("not read: --key-file opens it");
        return out;
    }
    try {
        KeySlots slots(disk, header->offset);
        for (const std::string& key : keys) {
            const auto volume_key = slots.open(key);
            if (!volume_key) continue;
            auto cipher = SectorCipher::make(header->cipher, *volume_key);
            if (!cipher) {
                add("its key is right, but the cipher is not known to this version");
                return out;
            }
            out.content = std::make_shared<EncryptedVolume>(source, place, *header, std::move(*cipher));
            return out;
        }
        out.refused = true;
        add("none of the keys given opens it");
    } catch (const Error& error) {
        if (error.code() != ExitCode::never_valid) throw;
        add(std::string("cannot be opened: ") + error.what());
    }
    return out;
}

} // namespace kanshiki::luks
