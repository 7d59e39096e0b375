#include "acquire/source/ssh/agent/start.h"

#include "acquire/agent/embedded.h"
#include "acquire/source/ssh/shell.h"
#include "kanshiki/digest.h"
#include "kanshiki/error.h"

#include <sys/random.h>

namespace kanshiki::ssh {

namespace {

constexpr size_t block = 4096;

// One line, without single quotes and backslashes: see far_command(). $1 the file, $2 its size in blocks, then what
// the agent takes. noclobber makes the shell open the file with O_EXCL, so that nothing that lies there is followed or
// overwritten; the agent has no name any more when it begins to run. 125: could not be written there.
constexpr std::string_view start_script =
    "PATH=$PATH:/usr/bin:/bin; f=$1; umask 077; set -C; "
    "if ! dd bs=4096 count=$2 iflag=fullblock 2>/dev/null > \"$f\"; then exit 125; fi; "
    "if ! { chmod 700 \"$f\" && exec 3< \"$f\"; }; then rm -f \"$f\"; exit 125; fi; "
    "rm -f \"$f\" || exit 125; shift 2; exec /proc/self/fd/3 \"$@\"";

std::string random_name() {
    std::array<std::byte, 8> bytes{};
    if (getrandom(bytes.data(), bytes.size(), 0) != static_cast<ssize_t>(bytes.size()))
        throw Error{ExitCode::internal, "no random numbers from the kernel"};
    return ".kanshiki-agent-" + to_hex(bytes);
}

std::vector<std::byte> padded(std::span<const std::byte> program) {
    std::vector<std::byte> out(program.begin(), program.end());
    out.resize((out.size() + block - 1) / block * block); // an ELF file takes zeros at its end
    return out;
}

// Sends the program and waits for the first words of what runs then. False: the command ended before.
bool talk(Command& command, std::span<const std::byte> program, std::span<std::byte> hello, std::stop_token stop) {
    std::array<std::byte, agent::Hello::size_on_wire> scrap;
    size_t have = 0;
    while (have < hello.size()) {
        size_t took = 0;
        if (!program.empty()) {
            took = command.write(program);
            program = program.subspan(took);
        }
        const std::optional<size_t> got = command.try_read(std::span(scrap).first(hello.size() - have));
        if (got && *got == 0) return false;
        if (got) {
            std::copy_n(scrap.begin(), *got, hello.begin() + static_cast<std::ptrdiff_t>(have));
            have += *got;
        } else if (took == 0) {
            command.wait(-1, Command::Due::some, stop);
        }
    }
    return true;
}

// The round trip, by a sign of life; the agent's own part in it is microseconds.
double round_trip(Session& session, Command& command, std::stop_token stop) {
    double best = 0;
    for (int turn = 0; turn < 2; ++turn) {
        agent::Request request;
        request.type = agent::RequestType::alive;
        const auto line = render(request);
        const auto begun = std::chrono::steady_clock::now();
        std::array<std::byte, agent::ReplyHeader::size_on_wire> answer;
        agent::ReplyHeader reply;
        if (!talk(command, line, answer, stop) || parse(answer, reply) || reply.type != agent::ReplyType::alive)
            throw Error{ExitCode::source_lost,
                        session.name() + ": the agent that was started there gives no sign of life"};
        const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - begun).count();
        best = turn == 0 ? seconds : std::min(best, seconds);
    }
    return best;
}

Agent try_folder(Session& session, const AgentPlan& plan, const std::string& folder, std::span<const std::byte> program,
                 std::stop_token stop) {
    Agent out;
    const std::string name = random_name();
    auto command =
        std::make_unique<Command>(session,
                                  agent_command(plan, folder, name, program.size() / block,
                                                std::chrono::duration_cast<std::chrono::seconds>(session.limit())),
                                  "agent", stop);
    std::array<std::byte, agent::Hello::size_on_wire> hello;
    if (!talk(*command, program, hello, stop)) {
        const Exit exit = command->finish(stop);
        const std::string said = joined(command->take_errors());
        out.why = folder + ": " + (exit.status == 126 ? "may not execute there" : exit.text()) +
                  (said.empty() ? "" : " (" + said + ")");
        return out;
    }
    if (const char* wrong = parse(hello, out.hello)) {
        out.why = folder + ": what runs there is not our agent: " + wrong;
        return out;
    }
    out.trip = round_trip(session, *command, stop);
    out.command = std::move(command);
    session.events().report({"footprint",
                             "agent started on the far side",
                             {{"host", session.name()},
                              {"file", folder + "/" + name + " (unlinked before it ran)"},
                              {"bytes", std::to_string(program.size())},
                              {"sha256", to_hex(sha256(program))},
                              {"process", std::to_string(out.hello.process)}}});
    return out;
}

} // namespace

std::string agent_command(const AgentPlan& plan, const std::string& folder, const std::string& name, size_t blocks,
                          std::chrono::seconds timeout) {
    return far_command(start_script,
                       {folder + "/" + name, std::to_string(blocks), plan.path, std::to_string(timeout.count()),
                        std::to_string(plan.retries), std::to_string(plan.nice)},
                       plan.sudo, plan.nice);
}

Agent start_agent(Session& session, const AgentPlan& plan, std::stop_token stop) {
    const std::vector<std::byte> program = padded(embedded_agent(plan.machine));
    Agent out;
    if (program.empty()) {
        out.why = "this build has no agent for " + (plan.machine.empty() ? "an unknown machine" : plan.machine);
        return out;
    }
    out.why = "the far side has no memory file system that may execute (/dev/shm, /run)";
    for (const std::string& folder : plan.folders) {
        out = try_folder(session, plan, folder, program, stop);
        if (out.command) break;
        session.events().report({"detail", "no agent in " + out.why});
    }
    return out;
}

} // namespace kanshiki::ssh
