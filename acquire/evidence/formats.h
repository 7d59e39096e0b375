#pragma once
// What each format gives to the table in formats.cpp. The contracts stand in kanshiki/evidence_sink.h.

#include "kanshiki/evidence_sink.h"

namespace kanshiki {

std::unique_ptr<EvidenceSink> create_raw(const std::filesystem::path& image, const SinkOptions& options);
std::unique_ptr<EvidenceSink> resume_raw(const std::filesystem::path& image, uint64_t from, const SinkOptions& options);
std::unique_ptr<BlockSource> open_raw(const std::filesystem::path& file);
std::unique_ptr<BlockSource> salvage_raw(const std::filesystem::path& file, uint64_t upto);

std::unique_ptr<EvidenceSink> create_zst(const std::filesystem::path& image, const SinkOptions& options);
std::unique_ptr<EvidenceSink> resume_zst(const std::filesystem::path& image, uint64_t from, const SinkOptions& options);
std::unique_ptr<BlockSource> open_zst(const std::filesystem::path& file);
std::unique_ptr<BlockSource> salvage_zst(const std::filesystem::path& file, uint64_t upto);

std::unique_ptr<EvidenceSink> create_e01(const std::filesystem::path& image, const SinkOptions& options);
std::unique_ptr<EvidenceSink> resume_e01(const std::filesystem::path& image, uint64_t from, const SinkOptions& options);
std::unique_ptr<BlockSource> open_e01(const std::filesystem::path& file);
std::unique_ptr<BlockSource> salvage_e01(const std::filesystem::path& file, uint64_t upto);

std::unique_ptr<EvidenceSink> create_split(const std::filesystem::path& image, const SinkOptions& options);
std::unique_ptr<EvidenceSink> resume_split(const std::filesystem::path& image, uint64_t from,
                                           const SinkOptions& options);
std::unique_ptr<BlockSource> open_split(const std::filesystem::path& file);
std::unique_ptr<BlockSource> salvage_split(const std::filesystem::path& file, uint64_t upto);

// Read only.
std::unique_ptr<BlockSource> open_qcow(const std::filesystem::path& file);
std::unique_ptr<BlockSource> open_vmdk(const std::filesystem::path& file);
std::unique_ptr<BlockSource> open_vhd(const std::filesystem::path& file); // VHDX too

} // namespace kanshiki
