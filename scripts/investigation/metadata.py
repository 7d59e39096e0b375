"""Which instance this is: the instance metadata service, version 2 (a token first)."""

import http.client
import json
import re
import urllib.error
import urllib.request

from .failure import Failure, LOST, REFUSED
from .waiting import OutOfTime, wait_for

ENDPOINT = "http://169.254.169.254"
DOCUMENT = "/latest/dynamic/instance-identity/document"
GIVE = "give --instance, --zone and --region"
FIELDS = {"instance": ("instanceId", r"i-[0-9a-f]{8,32}"), "zone": ("availabilityZone", r"[a-z0-9-]{3,40}"),
          "region": ("region", r"[a-z0-9-]{3,40}")}


class NoRedirect(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_):
        return None


def this_instance(clock, endpoint=ENDPOINT, timeout=2.0, limit=10.0):
    """{"instance", "zone", "region"} of the machine we run on."""
    # Link-local: never through a proxy, never anywhere else.
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}), NoRedirect())

    def fetch(path, method, headers):
        request = urllib.request.Request(endpoint + path, method=method, headers=headers)
        with opener.open(request, timeout=timeout) as answer:
            return answer.read(65536)

    def ask():
        try:
            token = fetch("/latest/api/token", "PUT", {"X-aws-ec2-metadata-token-ttl-seconds": "60"})
            return fetch(DOCUMENT, "GET",
                         {"X-aws-ec2-metadata-token": token.decode("ascii")})
        except urllib.error.HTTPError as error:
            if error.code >= 500 or error.code == 429:
                return None
            raise Failure(REFUSED, f"{endpoint}: instance metadata answers {error.code}: switched off here? {GIVE}") from None
        except (OSError, http.client.HTTPException):
            return None

    try:
        document = json.loads(wait_for(clock, ask, limit))
        found = {name: document[key] for name, (key, _) in FIELDS.items()}
        sound = all(isinstance(found[name], str) and re.fullmatch(form, found[name]) for name, (_, form) in FIELDS.items())
    except OutOfTime:
        raise Failure(LOST, f"{endpoint}: no answer from instance metadata: not on an EC2 instance? {GIVE}") from None
    except (ValueError, KeyError, TypeError, RecursionError):
        sound = False
    if not sound:
        raise Failure(REFUSED, f"{endpoint}: instance metadata gave no usable identity; {GIVE}")
    return found
