#include "acquire/source/ssh/agent/desk.h"

#include "kanshiki/error.h"

#include <future>
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

namespace kanshiki::ssh {
namespace {

agent::Request request_of(uint64_t offset, Priority priority = Priority::bulk) {
    agent::Request request;
    request.offset = offset;
    request.size = 512;
    request.priority = priority;
    return request;
}

class DeskTest : public testing::Test {
protected:
    DeskTest() { desk_.add_bell(bell_); }
    ~DeskTest() override { ::close(bell_); }

    // Asks in a thread of its own, and returns when the request lies on the desk.
    std::future<uint64_t> ask(const agent::Request& request) {
        auto answer = std::async(std::launch::async,
                                 [this, request] { return desk_.ask(request, stop_.get_token()).header.offset; });
        pollfd rung{bell_, POLLIN, 0};
        EXPECT_EQ(::poll(&rung, 1, 30'000), 1);
        uint64_t count;
        EXPECT_GT(::read(bell_, &count, sizeof count), 0);
        return answer;
    }
    void settle(const std::shared_ptr<Job>& job) {
        Reply reply;
        reply.header.offset = job->request.offset;
        desk_.settle(job, std::move(reply));
    }

    Desk desk_;
    std::stop_source stop_;
    int bell_ = ::eventfd(0, EFD_NONBLOCK);
};

TEST_F(DeskTest, TheMostUrgentIsTakenFirstThenTheOldest) {
    auto first = ask(request_of(1)), second = ask(request_of(2)), urgent = ask(request_of(3, Priority::urgent));
    const auto a = desk_.take(true);
    ASSERT_TRUE(a);
    EXPECT_EQ(a->request.offset, 3u);
    EXPECT_FALSE(desk_.take(true)) << "no other is urgent";
    const auto b = desk_.take(false), c = desk_.take(false);
    EXPECT_EQ(b->request.offset, 1u);
    EXPECT_EQ(c->request.offset, 2u);
    EXPECT_FALSE(desk_.take(false));
    for (const auto& job : {c, a, b}) settle(job); // in any order
    EXPECT_EQ(first.get(), 1u);
    EXPECT_EQ(second.get(), 2u);
    EXPECT_EQ(urgent.get(), 3u);
}

TEST_F(DeskTest, WhatALostConnectionHadComesBackToItsPlace) {
    auto first = ask(request_of(1));
    const auto job = desk_.take(false);
    auto second = ask(request_of(2));
    desk_.put_back(job);
    const auto again = desk_.take(false);
    EXPECT_EQ(again->request.offset, 1u);
    settle(again);
    settle(desk_.take(false));
    EXPECT_EQ(first.get(), 1u);
    EXPECT_EQ(second.get(), 2u);
}

TEST_F(DeskTest, AReaderThatLeavesIsNotServed) {
    auto answer = ask(request_of(1));
    const auto job = desk_.take(false);
    stop_.request_stop();
    try {
        answer.get();
        FAIL() << "no exception";
    } catch (const Error& error) {
        EXPECT_EQ(error.code(), ExitCode::interrupted);
    }
    desk_.put_back(job);
    EXPECT_FALSE(desk_.take(false));
    settle(job); // finds nobody, and harms nobody
}

TEST_F(DeskTest, ALostSourceIsToldToAllWhoWaitAndAllWhoCome) {
    auto answer = ask(request_of(1));
    desk_.fail(std::make_exception_ptr(Error{ExitCode::source_lost, "first"}));
    desk_.fail(std::make_exception_ptr(Error{ExitCode::source_lost, "second"}));
    EXPECT_TRUE(desk_.failed());
    const auto message = [](auto call) {
        try {
            call();
        } catch (const Error& error) {
            return std::string(error.what());
        }
        return std::string();
    };
    EXPECT_EQ(message([&] { answer.get(); }), "first");
    EXPECT_EQ(message([&] { desk_.ask(request_of(2), {}); }), "first");
    EXPECT_FALSE(desk_.take(false));
}

} // namespace
} // namespace kanshiki::ssh
