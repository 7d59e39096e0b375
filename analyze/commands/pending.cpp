#include "kanshiki/command.h"
#include "kanshiki/error.h"
namespace kanshiki {
int run_info(const std::vector<std::string>&) { throw Error(ExitCode::usage, "in the next merge"); }
int run_triage_command(const std::vector<std::string>&) { throw Error(ExitCode::usage, "in the next merge"); }
void triage_image(const std::string&, const std::string&) { throw Error(ExitCode::later_step, "in the next merge"); }
} // namespace kanshiki
