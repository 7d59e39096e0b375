// lvm2's lib/format_text/import_vsn1.c and the import functions in lib/{striped,mirror,raid,snapshot,thin}/*.c.

#include "analyze/volume/lvm/volume_group.h"

#include "kanshiki/error.h"

#include <algorithm>

namespace kanshiki::lvm {
namespace {

constexpr uint64_t largest_extent = uint64_t{1} << 40; // sectors; LVM2: 32 bits

[[noreturn]] void damaged(const std::string& what) { throw Error(ExitCode::never_valid, what); }

// [ "name", extent, "name", extent … ]
std::vector<Area> areas_of(const ConfigNode& segment, std::string_view list) {
    std::vector<Area> out;
    const ConfigNode* found = segment.find(list);
    if (found == nullptr || found->values.size() % 2 != 0) damaged(std::string(list) + " is missing or odd");
    for (size_t index = 0; index < found->values.size(); index += 2) {
        const ConfigValue &name = found->values[index], &extent = found->values[index + 1];
        if (!name.is_text || extent.is_text) damaged(std::string(list) + " is no list of volumes and extents");
        out.push_back({name.text, extent.number});
    }
    return out;
}

// [ "metadata", "image", "metadata", "image" … ], or images alone
void raid_areas(const ConfigNode& node, Segment& segment) {
    const ConfigNode* pairs = node.find("raids");
    const ConfigNode* images = pairs != nullptr ? pairs : node.find("raid0_lvs");
    if (images == nullptr || (pairs != nullptr && pairs->values.size() % 2 != 0)) damaged("its images are missing");
    for (size_t index = 0; index < images->values.size(); index++) {
        if (!images->values[index].is_text) damaged("its images are no names");
        const bool superblock = pairs != nullptr && index % 2 == 0;
        (superblock ? segment.superblocks : segment.areas).push_back({images->values[index].text, 0});
    }
}

Segment read_segment(const ConfigNode& node) {
    Segment out;
    out.start = node.number("start_extent");
    out.count = node.number("extent_count");
    out.type = node.text("type");
    out.type.resize(std::min(out.type.find('+'), out.type.size())); // flags that old versions must not ignore
    out.stripe_size = node.number("stripe_size", 0);
    if (out.type == "linear") out.type = "striped";
    if (out.type == "striped")
        out.areas = areas_of(node, "stripes");
    else if (out.type == "mirror")
        out.areas = areas_of(node, "mirrors");
    else if (out.type == "raid1" || out.type == "raid0" || out.type == "raid0_meta") {
        if (out.start != 0) damaged("a RAID that does not begin its volume");
        raid_areas(node, out);
    }
    return out;
}

LogicalVolumeEntry read_logical(const ConfigNode& node, std::vector<std::string>& faults) {
    LogicalVolumeEntry out;
    out.name = node.name;
    out.uuid = node.text_or_empty("id");
    out.visible = node.lists("status", "VISIBLE");
    for (const ConfigNode& child : node.children) {
        if (!child.is_section || !child.name.starts_with("segment")) continue;
        try {
            out.segments.push_back(read_segment(child));
        } catch (const Error& error) {
            faults.push_back(node.name + ", " + child.name + ": " + error.what());
        }
    }
    if (const uint64_t told = node.number("segment_count", 0); told != out.segments.size())
        faults.push_back(node.name + ": " + std::to_string(told) + " segments are announced, " +
                         std::to_string(out.segments.size()) + " can be read");
    std::ranges::stable_sort(out.segments, {}, &Segment::start);
    return out;
}

// A snapshot is a volume of its own, "snapshotN", which names the visible volume that keeps the changes.
void mark_snapshots(const ConfigNode& logical, VolumeGroup& group) {
    std::unordered_map<std::string_view, LogicalVolumeEntry*> by_name;
    for (LogicalVolumeEntry& each : group.logical) by_name.emplace(each.name, &each);
    for (const ConfigNode& each : logical.children) {
        const ConfigNode* segment = each.find("segment1");
        if (segment == nullptr || segment->text_or_empty("type") != "snapshot") continue;
        for (const char* store : {"cow_store", "merging_store"}) {
            const auto found = by_name.find(segment->text_or_empty(store));
            if (found != by_name.end()) found->second->snapshot_of = segment->text_or_empty("origin");
        }
    }
}

} // namespace

std::string without_dashes(std::string uuid) {
    std::erase(uuid, '-');
    return uuid;
}

VolumeGroup parse_volume_group(std::string_view text) {
    const ConfigNode top = parse_config(text);
    if (top.text_or_empty("contents") != "Text Format Volume Group" && top.find("contents") != nullptr)
        damaged("it is no volume group's");
    const auto found = std::ranges::find_if(
        top.children, [](const ConfigNode& each) { return each.is_section && each.find("seqno") != nullptr; });
    if (found == top.children.end()) damaged("there is no volume group in it");
    VolumeGroup out;
    out.name = found->name;
    out.uuid = found->text("id");
    out.sequence = found->number("seqno");
    out.extent_size = found->number("extent_size");
    if (out.extent_size == 0 || out.extent_size > largest_extent)
        damaged("extents of " + std::to_string(out.extent_size) + " sectors");
    for (const ConfigNode& each : found->section("physical_volumes").children) {
        if (!each.is_section) continue;
        out.physical.push_back(
            {each.name, without_dashes(each.text("id")), each.number("pe_start"), each.number("pe_count")});
    }
    const ConfigNode* logical = found->find("logical_volumes");
    if (logical == nullptr) return out; // none yet
    for (const ConfigNode& each : logical->children) {
        if (!each.is_section) continue;
        try {
            out.logical.push_back(read_logical(each, out.faults));
        } catch (const Error& error) {
            out.faults.push_back(each.name + ": " + error.what());
        }
    }
    mark_snapshots(*logical, out);
    return out;
}

} // namespace kanshiki::lvm
