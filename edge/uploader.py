"""Sends files, a window of frames at a time: the one of which least is left first, and never before records."""

import asyncio
import time
from contextlib import suppress
from typing import Final

import aiomqtt

from domain.cid import Cid
from domain.upload import WINDOW_FRAMES, Ask, compute_shape, encode_ask, encode_frame
from edge import uploads
from edge.errors import CannotRecord, FileChanged, FileUnreadable
from edge.frames import FrameReader, check_file, list_missing
from edge.post import Post, wait_for
from edge.uploads import Upload

ANSWER_S: Final = 4.0
"""Wait for the server's word on an upload before it is asked again."""
IDLE_S: Final = 0.1
CHOICE_S: Final = 1.0
"""How long a file goes on before it is asked again whether another has less left: looking costs with their number."""
BUDGET_LOOK_S: Final = 5.0
"""How often a file that waits for its budget looks whether there is one again."""


class Uploader:
    """Sends files over one connection.

    Attributes
    ----------
    told
        The server said what it holds of some file.
    """

    def __init__(self, client: aiomqtt.Client, post: Post) -> None:
        self._client = client
        self._post = post
        self._chosen_at = 0.0
        self.told = asyncio.Event()

    async def run(self) -> None:
        """Send files for ever."""
        while True:
            if self._post.is_over_budget():
                await asyncio.sleep(BUDGET_LOOK_S)
                continue
            root = uploads.choose_upload(self._post.spool.db)
            if root is None:
                await asyncio.sleep(IDLE_S)
                continue
            try:
                await self._upload(root)
            except (FileChanged, FileUnreadable) as error:
                with suppress(CannotRecord):
                    self._post.spool.note_problem(root, str(error))
                await asyncio.sleep(IDLE_S)

    async def _upload(self, root: Cid) -> None:
        """Send one file until the server has it whole, or another is to go first.

        Ask what the server holds, then the rest, a window at a time.
        """
        spool, upload = self._post.spool, self._post.spool.upload(root)
        if upload is None:
            return
        reader, count, is_told = FrameReader(upload), compute_shape(upload.size).frames, False
        while (held := uploads.find_held(spool.db, root)) is not None and self._goes_on(upload):
            check_file(upload)
            if not is_told:
                # At the start, and whenever no word came within its time: frames or answer were lost.
                is_told = await self._ask(root)
                continue
            missing = list_missing(held, count)
            window = [frame for _, frame in zip(range(WINDOW_FRAMES), missing, strict=False)]
            await self._send_window(reader, root, window)
            is_told = await self._await_held(root, window)

    def _goes_on(self, upload: Upload) -> bool:
        # A server that was restored from a backup wants the declaration first.
        if self._post.is_over_budget() or self._post.spool.is_waiting(upload.record):
            return False
        now = time.monotonic()
        if now - self._chosen_at < CHOICE_S:
            return True
        self._chosen_at = now
        return uploads.choose_upload(self._post.spool.db) == upload.root

    async def _send_window(self, reader: FrameReader, root: Cid, window: list[int]) -> None:
        await self._let_records_go()
        messages = [encode_frame(await asyncio.to_thread(reader.read, number)) for number in window]
        await self._let_records_go()
        with suppress(CannotRecord):
            self._post.spool.mark_frames(root, window, metered=self._post.meter(sum(map(len, messages))))
        async with asyncio.TaskGroup() as group:
            # In order, since each task sends in its first step; on a long way they are acknowledged together.
            for number, message in zip(window, messages, strict=True):
                sending = self._post.publish(self._client, "blob", message)
                group.create_task(sending, name=f"edge frame {number}")

    async def _let_records_go(self) -> None:
        """Wait until no record is to be sent: they are small, and the crew waits for their receipts."""
        await self._post.rest()
        while self._post.choose(limit=1):
            self._post.moved.clear()
            self._post.news.set()
            await wait_for(self._post.moved, 1.0)
            await self._post.rest()

    async def _ask(self, root: Cid) -> bool:
        """Ask what the server holds of a file; return whether it said so within its time."""
        self.told.clear()
        await self._post.send_small(self._client, "blob", encode_ask(Ask(root)))
        return await wait_for(self.told, ANSWER_S)

    async def _await_held(self, root: Cid, window: list[int]) -> bool:
        """Return whether the server came to hold all frames of a window, each word of it within its time.

        On a slow link it answers before the last of them has come: what is still on its way must not be sent again.
        """
        while True:
            held = uploads.find_held(self._post.spool.db, root)
            if held is None or not any(not held[frame >> 3] >> (frame & 7) & 1 for frame in window):
                return True
            self.told.clear()
            if not await wait_for(self.told, ANSWER_S):
                return False
