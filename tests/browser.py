# SPDX-License-Identifier: BSD-3-Clause
"""Headless Chromium, told what to do over a pipe in its own DevTools protocol."""

import base64
import json
import os
import pathlib
import select
import shutil
import subprocess
import tempfile
import time


def is_there():
    return shutil.which("chromium") is not None


class Browser:
    """One page; `said` collects what it writes to its console, and what it refuses to load."""

    def __init__(self, width, height):
        self.profile = tempfile.TemporaryDirectory(prefix="wiretag-chromium-")
        to_read, self.to_write = os.pipe()
        self.from_read, from_write = os.pipe()
        self.log = open(os.path.join(self.profile.name, "log"), "wb")
        # The browser reads descriptor 3 and writes descriptor 4.
        self.process = subprocess.Popen(
            ["sh", "-c", f'exec "$@" 3<&{to_read} 4>&{from_write}', "chromium", "chromium",
             "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage",
             "--no-first-run", "--disable-background-networking", "--disable-extensions",
             "--no-proxy-server", f"--user-data-dir={self.profile.name}",
             f"--window-size={width},{height}", "--remote-debugging-pipe", "about:blank"],
            pass_fds=(to_read, from_write), stdin=subprocess.DEVNULL, stdout=self.log,
            stderr=self.log, env=os.environ | {"HOME": self.profile.name})
        os.close(to_read)
        os.close(from_write)
        self.buffer, self.number, self.said, self.session = b"", 0, [], None
        targets = self.wait_for(self.pages)
        self.session = self.ask("Target.attachToTarget", targetId=targets[0]["targetId"],
                                flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Log"):
            self.ask(domain + ".enable")
        self.ask("Emulation.setDeviceMetricsOverride", width=width, height=height,
                 deviceScaleFactor=1, mobile=False)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()
        self.log.close()
        shutil.rmtree(self.profile.name, ignore_errors=True)

    def pages(self):
        found = self.ask("Target.getTargets")["targetInfos"]
        return [target for target in found if target["type"] == "page"]

    def wait_for(self, condition, seconds=60):
        end = time.monotonic() + seconds
        while not (answer := condition()):
            assert time.monotonic() < end, f"waited {seconds} s for the page"
            time.sleep(0.1)
        return answer

    def receive(self):
        while b"\0" not in self.buffer:
            assert select.select([self.from_read], [], [], 90)[0], "the browser says nothing"
            data = os.read(self.from_read, 1 << 16)
            assert data, "the browser ended: " + pathlib.Path(self.log.name).read_text()[-2000:]
            self.buffer += data
        message, self.buffer = self.buffer.split(b"\0", 1)
        return json.loads(message)

    def ask(self, method, **parameters):
        self.number += 1
        request = {"id": self.number, "method": method, "params": parameters}
        if self.session:
            request["sessionId"] = self.session
        os.write(self.to_write, json.dumps(request).encode() + b"\0")
        while True:
            message = self.receive()
            if message.get("id") == self.number:
                assert "error" not in message, message
                return message["result"]
            if message.get("method") in ("Runtime.consoleAPICalled", "Runtime.exceptionThrown",
                                         "Log.entryAdded"):
                self.said.append(message["params"])

    def open(self, url):
        self.ask("Page.navigate", url=url)

    def run(self, script):
        """The value of an expression."""
        answer = self.ask("Runtime.evaluate", expression=script, returnByValue=True,
                          awaitPromise=True)
        assert "exceptionDetails" not in answer, answer
        return answer["result"].get("value")

    def wait(self, script, seconds=60):
        return self.wait_for(lambda: self.run(script), seconds)

    def key(self, name, code):
        for kind in ("rawKeyDown", "keyUp"):
            self.ask("Input.dispatchKeyEvent", type=kind, key=name, code=name,
                     windowsVirtualKeyCode=code)

    def press_enter(self):
        self.ask("Input.dispatchKeyEvent", type="keyDown", key="Enter", code="Enter", text="\r",
                 windowsVirtualKeyCode=13)
        self.ask("Input.dispatchKeyEvent", type="keyUp", key="Enter", code="Enter",
                 windowsVirtualKeyCode=13)

    def prefer(self, scheme):
        self.ask("Emulation.setEmulatedMedia",
                 features=[{"name": "prefers-color-scheme", "value": scheme}])

    def screenshot(self, path):
        answer = self.ask("Page.captureScreenshot", format="png")
        pathlib.Path(path).write_bytes(base64.b64decode(answer["data"]))
