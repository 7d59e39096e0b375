#include "analyze/triage/range_set.h"

#include <gtest/gtest.h>
#include <random>

using namespace kanshiki;

TEST(RangeSet, CoversWhatItWasGivenInAnyOrder) {
    std::mt19937 dice(1);
    for (int turn = 0; turn < 200; turn++) {
        RangeSet set;
        std::vector<bool> model(1000);
        for (unsigned count = dice() % 40; count-- > 0;) {
            const Range range{dice() % 900, dice() % 100};
            set.add(range);
            std::fill_n(model.begin() + static_cast<long>(range.offset), range.size, true);
            if (dice() % 10 == 0) set.ranges();
        }
        std::vector<bool> found(1000);
        uint64_t end = 0;
        for (const Range& each : set.ranges()) {
            ASSERT_TRUE(each.offset > end || end == 0) << "neighbours are merged";
            std::fill_n(found.begin() + static_cast<long>(each.offset), each.size, true);
            end = each.end();
        }
        ASSERT_EQ(found, model);
    }
}

TEST(RangeSet, KeepsLittleOfMany) {
    RangeSet set;
    for (uint64_t turn = 0; turn < 1'000'000; turn++) set.add({turn * 7919 % 100'000 * 10, 10});
    EXPECT_EQ(set.ranges(), (std::vector<Range>{{0, 1'000'000}}));
}

TEST(Paint, EachByteHasTheLastColour) {
    std::mt19937 dice(2);
    for (int turn = 0; turn < 300; turn++) {
        std::vector<CoveredRange> all{{{0, 500}, 0}};
        std::vector<uint32_t> model(500);
        for (uint32_t layer = 1; layer < 6; layer++) {
            std::vector<CoveredRange> over;
            for (uint64_t at = dice() % 100; at < 490;) {
                const Range range{at, std::min<uint64_t>(1 + dice() % 60, 500 - at)};
                over.push_back({range, layer * 10 + static_cast<uint32_t>(dice() % 3)});
                for (uint64_t byte = range.offset; byte < range.end(); byte++)
                    model[byte] = over.back().of + model[byte] % 2;
                at = range.end() + dice() % 3 * 20;
            }
            all = paint(all, over, [](uint32_t below, uint32_t above) { return above + below % 2; });
        }
        uint64_t at = 0;
        for (size_t index = 0; index < all.size(); index++) {
            ASSERT_EQ(all[index].range.offset, at);
            ASSERT_TRUE(index == 0 || all[index].of != all[index - 1].of);
            for (; at < all[index].range.end(); at++) ASSERT_EQ(all[index].of, model[at]) << at;
        }
        ASSERT_EQ(at, 500u);
    }
}
