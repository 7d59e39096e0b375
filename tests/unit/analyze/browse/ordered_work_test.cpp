#include "analyze/browse/ordered_work.h"

#include <gtest/gtest.h>
#include <stdexcept>

namespace kanshiki {
namespace {

TEST(OrderedWork, ResultsComeInTheOrderOfTheItems) {
    for (const unsigned threads : {1u, 2u, 8u}) {
        std::vector<int> seen;
        OrderedWork<int, int> work(
            threads, [] { return [](int& item) { return item * 2; }; }, [&](int&& result) { seen.push_back(result); });
        for (int item = 0; item < 1000; item++) work.add(item);
        work.finish();
        ASSERT_EQ(seen.size(), 1000u);
        for (int item = 0; item < 1000; item++) EXPECT_EQ(seen[static_cast<size_t>(item)], item * 2);
    }
}

TEST(OrderedWork, AFailureIsThrownInItsPlace) {
    std::vector<int> seen;
    OrderedWork<int, int> work(
        4,
        [] {
            return [](int& item) {
                if (item >= 10) throw std::runtime_error(std::to_string(item));
                return item;
            };
        },
        [&](int&& result) { seen.push_back(result); });
    try {
        for (int item = 0; item < 100; item++) work.add(item);
        work.finish();
        FAIL();
    } catch (const std::runtime_error& error) {
        EXPECT_STREQ(error.what(), "10");
    }
    EXPECT_EQ(seen.size(), 10u);
}

TEST(OrderedWork, EachThreadHasAWorkerOfItsOwnMadeOnlyWhenItWorks) {
    std::atomic<int> made = 0;
    {
        OrderedWork<int, int> work(
            3,
            [&] {
                made++;
                return [](int& item) { return item; };
            },
            [](int&&) {});
        work.finish();
    }
    EXPECT_EQ(made, 0);
}

} // namespace
} // namespace kanshiki
