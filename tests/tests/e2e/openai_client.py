"""The real client against a running desk: python3 openai_client.py BASE_URL TOKEN."""

import sys

from openai import NotFoundError, OpenAI

client = OpenAI(base_url=sys.argv[1], api_key=sys.argv[2])
# Without encoding_format the client asks for base64 and decodes it itself.
one = client.embeddings.create(model="all-MiniLM-L6-v2", input="The till does not open")
assert len(one.data[0].embedding) == 384, len(one.data[0].embedding)
assert one.usage.prompt_tokens > 0
two = client.embeddings.create(model="all-MiniLM-L6-v2", input=["a", "b"], encoding_format="float")
assert [entry.index for entry in two.data] == [0, 1]
try:
    client.embeddings.create(model="another", input="x")
except NotFoundError as error:
    assert error.response.json()["errors"][0]["field"] == "model"
else:
    raise AssertionError("another model was not refused")
print("ok")
