"""Calls to AWS: each tried again with growing pauses where that helps, each in the custody log with its request id."""

import botocore.config
from botocore import exceptions

from .failure import Failure, LOST, REFUSED, printable

TRIES = 9  # pauses of 1, 2, 4 … 30 s: about two minutes in all
LONGEST_PAUSE = 30.0
# Refused before anything was done, so trying again is safe for every call.
THROTTLED = {"RequestLimitExceeded", "Throttling", "ThrottlingException", "ThrottledException", "RequestThrottled",
             "RequestThrottledException", "TooManyRequestsException", "BandwidthLimitExceeded", "EC2ThrottledException",
             "SnapshotCreationPerVolumeRateExceeded", "PriorRequestNotComplete"}
DENIED = {"UnauthorizedOperation", "AccessDenied", "AccessDeniedException", "OptInRequired"}
CREDENTIALS = {"AuthFailure", "ExpiredToken", "ExpiredTokenException", "RequestExpired", "InvalidClientTokenId",
               "SignatureDoesNotMatch", "UnrecognizedClientException", "MissingAuthenticationToken"}
NETWORK = (exceptions.ConnectionError, exceptions.HTTPClientError)


class AwsError(Failure):
    """AWS said no; trying again changes nothing. `error` is its code, such as InvalidVolume.NotFound."""

    def __init__(self, error, message):
        super().__init__(REFUSED, message)
        self.error = error


class AnswerLost(Exception):
    """The call may or may not have been carried out."""


def client(service, region):
    import boto3  # here, because it takes longer to load than --plan takes to run

    # Retries are ours: botocore's would repeat a CreateSnapshot whose answer was lost, and leave no trace in the log.
    config = botocore.config.Config(retries={"total_max_attempts": 1}, connect_timeout=5, read_timeout=30,
                                    user_agent_extra="kanshiki-investigate")
    try:
        return boto3.session.Session().client(service, region_name=region, config=config)
    except exceptions.BotoCoreError as error:
        raise Failure(REFUSED, f"AWS: {printable(error)}") from None


class Aws:
    def __init__(self, clients, region, log, clock, jitter):
        self._clients, self._region, self._log, self._clock, self._jitter = clients, region, log, clock, jitter
        self._made = {}

    def __call__(self, call, quiet=False, once=False):
        """The answer. `quiet` leaves a success out of the log (polls); `once` raises AnswerLost instead of trying again
        when it is unknown whether the call took effect."""
        service, operation, parameters = call
        if service not in self._made:
            self._made[service] = self._clients(service, self._region)
        name = f"{service}:{self._made[service].meta.method_to_api_mapping[operation]}"
        for tried in range(TRIES):
            self._clock.check()
            try:
                answer = getattr(self._made[service], operation)(**parameters)
            except exceptions.ClientError as error:
                why, lost = self._client_error(name, parameters, tried, error)
            except NETWORK as error:
                why, lost = printable(error), True
                self._log.append("aws_error", call=name, parameters=parameters, tried=tried + 1, error=why)
            except exceptions.BotoCoreError as error:
                raise Failure(REFUSED, f"{name}: {printable(error)}") from None
            else:
                if not quiet:
                    self.note(name, parameters, answer, tried)
                return answer
            if lost and once:
                raise AnswerLost(why)
            if tried + 1 < TRIES:
                self._clock.sleep(min(2.0**tried, LONGEST_PAUSE) * (0.5 + self._jitter() / 2))
        raise Failure(LOST, f"{name}: no answer after {TRIES} tries, last: {why}; run again when AWS answers")

    def note(self, name, parameters, answer, retries=0):
        meta = answer.get("ResponseMetadata", {})
        self._log.append("aws", call=name, parameters=parameters, request_id=meta.get("RequestId"),
                         http_status=meta.get("HTTPStatusCode"), retries=retries, answer=_short(answer))

    def _client_error(self, name, parameters, tried, error):
        """(why, lost) when trying again may help; else raises what to tell the responder."""
        meta, said = error.response.get("ResponseMetadata", {}), error.response.get("Error", {})
        code, status = str(said.get("Code", "")), meta.get("HTTPStatusCode") or 0
        self._log.append("aws_error", call=name, parameters=parameters, request_id=meta.get("RequestId"),
                         http_status=status, tried=tried + 1, error=code, message=str(said.get("Message", ""))[:8192])
        text = printable(f"{code}: {said.get('Message', '')}", 300)
        if code in THROTTLED:
            return text, False
        if status >= 500 or code in ("InternalError", "InternalFailure", "Unavailable", "ServiceUnavailable"):
            return text, True
        if code in DENIED:
            text = printable(f"{code}: {str(said.get('Message', '')).split(' Encoded authorization')[0]}", 300)
            text += f"; allow {name} to this identity (docs/investigate.md has the policy), then run again"
        elif code in CREDENTIALS:
            text += "; renew the credentials or set the clock right, then run again"
        raise AwsError(code, f"{name}: {text}")


def _short(answer):
    """The answer's own fields for the log, without the metadata; long lists are counted, not copied."""
    short = {}
    for key, value in answer.items():
        if key != "ResponseMetadata":
            short[key] = f"{len(value)} entries" if isinstance(value, list) and len(value) > 4 else value
    return short
