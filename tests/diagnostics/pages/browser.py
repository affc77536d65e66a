"""A headless Chromium, asked over a pipe: no driver is needed, and scripts of pages stay off."""

import fcntl
import json
import os
import shutil
import subprocess

PROGRAMS = "chromium", "chromium-browser", "google-chrome", "google-chrome-stable"
COMMAND = shutil.which(next(filter(shutil.which, PROGRAMS), "no browser"))


class Browser:
    """Opens pages and says what is asked about them."""

    def __init__(self, folder):
        ours = [fcntl.fcntl(end, fcntl.F_DUPFD_CLOEXEC, 10) for end in (*os.pipe(), *os.pipe())]
        read_end, self.commands, self.answers, write_end = ours
        flags = ("--headless=new", "--no-sandbox", "--disable-gpu", "--remote-debugging-pipe")
        self.process = subprocess.Popen(
            [COMMAND, *flags, f"--user-data-dir={folder}"],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            close_fds=False,
            preexec_fn=lambda: (os.dup2(read_end, 3), os.dup2(write_end, 4)),  # noqa: PLW1509
        )
        os.close(read_end)
        os.close(write_end)
        self.number, self.pending, self.session, self.requests = 0, b"", None, []
        target = self.ask("Target.createTarget", url="about:blank")["targetId"]
        found = self.ask("Target.attachToTarget", targetId=target, flatten=True)
        self.session = found["sessionId"]
        self.ask("Page.enable")
        self.ask("Network.enable")

    def close(self):
        """End the browser."""
        self.process.terminate()
        self.process.wait(20)
        os.close(self.commands)
        os.close(self.answers)

    def ask(self, method, **params):
        """Send a command of the DevTools protocol and return its result."""
        self.number += 1
        command = {"id": self.number, "method": method, "params": params}
        if self.session:
            command["sessionId"] = self.session
        os.write(self.commands, json.dumps(command).encode() + b"\0")
        while True:
            message = self._next()
            if message.get("id") == self.number:
                assert "error" not in message, message
                return message["result"]

    def open(self, path, width):
        """Load a file in a window so wide."""
        size = {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": False}
        self.ask("Emulation.setDeviceMetricsOverride", **size)
        self.requests.clear()
        self.ask("Page.navigate", url=path.as_uri())
        while self._next().get("method") != "Page.loadEventFired":
            pass

    def value(self, script):
        """Return what an expression of JavaScript is worth."""
        found = self.ask("Runtime.evaluate", expression=script, returnByValue=True)
        return found["result"]["value"]

    def _next(self):
        while b"\0" not in self.pending:
            more = os.read(self.answers, 65536)
            assert more, "the browser has ended"
            self.pending += more
        message, _, self.pending = self.pending.partition(b"\0")
        message = json.loads(message)
        if message.get("method") == "Network.requestWillBeSent":
            self.requests.append(message["params"]["request"]["url"])
        return message
