"""aiocoap as a CoAP client and server; one line of JSON in, one line out.

Argument: the UDP port of the server, on 127.0.0.1.
"""

import asyncio
import gc
import json
import sys

import aiocoap
from aiocoap import resource

HOST = "127.0.0.1"

served = []  # [method, bytes of the payload]


class Store(resource.ObservableResource):
    """Keeps what was put; FETCH of "from,to" is a part of it; PATCH and iPATCH append."""

    content = b""

    def note(self, request):
        served.append([str(request.code), len(request.payload)])

    async def render_get(self, request):
        if request.opt.observe is None:
            self.note(request)
        return aiocoap.Message(payload=self.content, content_format=42)

    async def render_fetch(self, request):
        self.note(request)
        start, end = map(int, request.payload.split(b","))
        return aiocoap.Message(payload=self.content[start:end])

    async def render_put(self, request):
        self.note(request)
        self.content = request.payload
        self.updated_state()
        return aiocoap.Message(code=aiocoap.CHANGED)

    async def render_patch(self, request):
        self.note(request)
        self.content += request.payload
        self.updated_state()
        return aiocoap.Message(code=aiocoap.CHANGED)

    render_ipatch = render_patch


class Slow(resource.Resource):
    async def render_get(self, request):
        await asyncio.sleep(0.7)
        return aiocoap.Message(payload=b"late")


class Peer:
    def __init__(self, context):
        self.context = context
        self.observation = None
        self.heard = []

    async def message(self, task):
        message = aiocoap.Message(
            code=aiocoap.numbers.codes.Code[task.get("method", "GET")],
            uri=task["uri"],
            payload=bytes.fromhex(task.get("payload", "")),
        )
        if "format" in task:
            message.opt.content_format = task["format"]
        if "noResponse" in task:
            message.opt.no_response = task["noResponse"]
        if not task.get("confirmable", True):
            message.mtype = aiocoap.NON
        if "szx" in task:
            await self.context.find_remote_and_interface(message)
            message.remote.maximum_block_size_exp = task["szx"]
        return message

    async def request(self, task):
        wait = task.get("waitS", 15)
        request = self.context.request(await self.message(task))
        try:
            answer = await asyncio.wait_for(request.response, wait)
        except asyncio.TimeoutError:
            return {"code": None, "payload": ""}
        return {"code": answer.code.dotted, "payload": answer.payload.hex()}

    async def observe(self, task):
        message = await self.message(task)
        message.opt.observe = 0
        self.observation = self.context.request(message)
        first = await self.observation.response

        async def listen():
            async for notification in self.observation.observation:
                self.heard.append(notification.payload.hex())

        self.listening = asyncio.ensure_future(listen())
        return {"code": first.code.dotted, "payload": first.payload.hex()}

    async def notifications(self, task):
        while len(self.heard) < task["count"]:
            await asyncio.sleep(0.005)
        return {"heard": self.heard}

    async def cancel(self, task):
        # aiocoap lets go of an observation when nobody holds it any more.
        self.listening.cancel()
        await asyncio.wait([self.listening])
        self.observation = self.listening = None
        gc.collect()
        return {}

    async def seen(self, task):
        return {"served": served}


async def main():
    site = resource.Site()
    site.add_resource(["store"], Store())
    site.add_resource(["slow"], Slow())
    context = await aiocoap.Context.create_server_context(site, bind=(HOST, int(sys.argv[1])))
    peer = Peer(context)
    tasks = asyncio.StreamReader(limit=2**24)
    loop = asyncio.get_running_loop()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(tasks), sys.stdin)
    while line := await tasks.readline():
        task = json.loads(line)
        try:
            outcome = await getattr(peer, task["do"])(task)
        except Exception as error:
            outcome = {"error": f"{type(error).__name__}: {error}"}
        print(json.dumps(outcome), flush=True)
    await context.shutdown()


asyncio.run(main())
