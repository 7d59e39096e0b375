#pragma once
// Who vouches for the evidence: the manifest's signature and time-stamp, and the log of what was done with it since.

#include "acquire/verify/findings.h"

namespace kanshiki {

// Checks what stands beside the manifest. True: a key in trust.keys signed the manifest as it is now.
bool check_authenticity(const Companions& files, const TrustOptions& trust, VerifyFindings& findings);

} // namespace kanshiki
