"""A real yaml-language-server over its standard input and output, spoken to as an editor does."""

from __future__ import annotations

import json
import os
import queue
import shutil
import subprocess
import threading
from pathlib import Path
from typing import Any, Dict, List, Optional

VERSION = "1.25.0"
_PATIENCE_S = 60


def cache_folder(environ: Dict[str, str]) -> Path:
    """Where the server is installed: outside the checkout, kept from run to run."""
    base = environ.get("XDG_CACHE_HOME") or os.path.join(environ.get("HOME") or os.path.expanduser("~"), ".cache")
    return Path(base, "kie_sync-tests", f"yaml-language-server-{VERSION}")


def install(environ: Dict[str, str]) -> tuple[Optional[Path], str]:
    """The server's program, installed by npm where it is not there yet; or None, and why not."""
    if shutil.which("node") is None or shutil.which("npm") is None:
        return None, "node and npm are not installed"
    folder = cache_folder(environ)
    program = folder / "node_modules" / "yaml-language-server" / "bin" / "yaml-language-server"
    if not program.is_file():
        folder.mkdir(parents=True, exist_ok=True)
        command = ["npm", "install", "--no-audit", "--no-fund", "--prefix", str(folder)]
        try:
            done = subprocess.run(
                [*command, f"yaml-language-server@{VERSION}"],
                env=environ,
                cwd=folder,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                encoding="utf-8",
                timeout=300,
            )
        except subprocess.TimeoutExpired:
            return None, "npm did not end in 300 s; is there a network?"
        if done.returncode != 0 or not program.is_file():
            return None, f"npm could not install yaml-language-server; is there a network? {done.stderr[-300:]}"
    return program, ""


class LanguageServer:
    """One server, and the files that are open in it."""

    def __init__(self, program: Path) -> None:
        self._process = subprocess.Popen(
            ["node", str(program), "--stdio"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
        )
        self._answers: queue.Queue[Dict[str, Any]] = queue.Queue()
        self._diagnostics: Dict[str, List[Dict[str, Any]]] = {}
        self._number = 0
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()
        can = {"textDocument": {"hover": {"contentFormat": ["markdown"]}, "publishDiagnostics": {}}}
        workspace = {"workspace": {"configuration": True, "didChangeConfiguration": {}}}
        self._ask("initialize", {"processId": os.getpid(), "rootUri": None, "capabilities": {**can, **workspace}})
        self._tell("initialized", {})
        self._tell("workspace/didChangeConfiguration", {"settings": {}})

    def close(self) -> None:
        """End the server."""
        self._ask("shutdown", None)
        self._tell("exit", None)
        self._process.wait(_PATIENCE_S)
        for stream in (self._process.stdin, self._process.stdout):
            assert stream is not None
            stream.close()
        self._reader.join(_PATIENCE_S)

    def open(self, file: Path, text: Optional[str] = None) -> List[Dict[str, Any]]:
        """Open a file, as it is or with another text, and wait for what the server underlines."""
        uri = file.resolve().as_uri()
        text = file.read_text(encoding="utf-8") if text is None else text
        self._diagnostics.pop(uri, None)
        self._tell(
            "textDocument/didOpen", {"textDocument": {"uri": uri, "languageId": "yaml", "version": 1, "text": text}}
        )
        while uri not in self._diagnostics:
            self._wait()
        return self._diagnostics[uri]

    def shut(self, file: Path) -> None:
        """Close a file, so that it can be opened again."""
        self._tell("textDocument/didClose", {"textDocument": {"uri": file.resolve().as_uri()}})

    def complete(self, file: Path, line: int, column: int) -> List[Dict[str, Any]]:
        """What the editor offers at a place; line and column count from 0."""
        found = self._ask("textDocument/completion", self._place(file, line, column))
        items: List[Dict[str, Any]] = found["items"] if isinstance(found, dict) else found
        return items

    def hover(self, file: Path, line: int, column: int) -> str:
        """What the editor shows when the pointer rests at a place."""
        found = self._ask("textDocument/hover", self._place(file, line, column))
        return "" if not found else str(found["contents"]["value"])

    @staticmethod
    def _place(file: Path, line: int, column: int) -> Dict[str, Any]:
        return {"textDocument": {"uri": file.resolve().as_uri()}, "position": {"line": line, "character": column}}

    def _send(self, message: Dict[str, Any]) -> None:
        body = json.dumps({"jsonrpc": "2.0", **message}).encode()
        assert self._process.stdin is not None
        self._process.stdin.write(b"Content-Length: %d\r\n\r\n%s" % (len(body), body))
        self._process.stdin.flush()

    def _tell(self, method: str, parameters: Any) -> None:
        self._send({"method": method, "params": parameters})

    def _ask(self, method: str, parameters: Any) -> Any:
        self._number += 1
        self._send({"id": self._number, "method": method, "params": parameters})
        while True:
            answer = self._wait()
            if answer.get("id") == self._number and "method" not in answer:
                assert "error" not in answer, answer["error"]
                return answer["result"]

    def _wait(self) -> Dict[str, Any]:
        return self._answers.get(timeout=_PATIENCE_S)

    def _read(self) -> None:
        stream = self._process.stdout
        assert stream is not None
        while True:
            length = 0
            for line in iter(stream.readline, b"\r\n"):
                if not line:
                    return
                name, _, value = line.partition(b":")
                length = int(value) if name.lower() == b"content-length" else length
            self._take(json.loads(stream.read(length)))

    def _take(self, message: Dict[str, Any]) -> None:
        """An answer, or what the server itself says and asks: its settings, above all."""
        if message.get("method") == "workspace/configuration":
            # No schema store: it would be asked for over the network.
            settings = {"schemaStore": {"enable": False}, "hover": True, "completion": True, "validate": True}
            wanted = [settings if item.get("section") == "yaml" else {} for item in message["params"]["items"]]
            self._send({"id": message["id"], "result": wanted})
        elif message.get("method") == "textDocument/publishDiagnostics":
            self._diagnostics[message["params"]["uri"]] = message["params"]["diagnostics"]
            self._answers.put({"told": message["params"]["uri"]})
        elif "method" in message and "id" in message:
            self._send({"id": message["id"], "result": None})
        elif "method" not in message:
            self._answers.put(message)
