#include "analyze/filesystem/piece_memory.h"

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <gtest/gtest.h>
#include <set>

namespace kanshiki {
namespace {

TEST(PieceMemory, GivesAlignedPiecesThatDoNotOverlapAndTakesThemBack) {
    for (const size_t size : {size_t{64} * 1024, size_t{256} * 1024, size_t{4096}, size_t{5} * 4096}) {
        PieceMemory memory(size);
        std::vector<PieceMemory::Pointer> held;
        std::set<std::byte*> places;
        for (int index = 0; index < 100; index++) {
            held.push_back(memory.take());
            EXPECT_EQ(reinterpret_cast<uintptr_t>(held.back().get()) % 4096, 0u); // O_DIRECT
            std::memset(held.back().get(), index, size);
            places.insert(held.back().get());
        }
        for (int index = 0; index < 100; index++)
            EXPECT_TRUE(std::all_of(held[index].get(), held[index].get() + size,
                                    [&](std::byte byte) { return byte == static_cast<std::byte>(index); }))
                << size << " " << index;
        EXPECT_EQ(places.size(), 100u);
        held.resize(50);
        for (int index = 0; index < 50; index++) held.push_back(memory.take());
        for (const auto& each : held) EXPECT_TRUE(places.contains(each.get())) << "no new memory while some is free";
    }
}

} // namespace
} // namespace kanshiki
