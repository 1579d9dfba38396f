"""A notebook in JupyterLab as an analyst opens it: all cells run, every chart is drawn, no other machine is asked."""

from __future__ import annotations

import json
import os
import secrets
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request

import nbformat
import pytest

pytestmark = pytest.mark.slow

NOTEBOOK = "00_tour.ipynb"
SETTINGS = {
    "apputils-extension/notification": {"fetchNews": "false", "checkForUpdates": False, "doNotDisturbMode": True},
    "notebook-extension/tracker": {"windowingMode": "none"},  # cells out of view are drawn too
}
START_SECONDS, RUN_SECONDS = 60, 120


class Lab:
    """A JupyterLab server of its own, on this machine only."""

    def __init__(self, folder):
        self.token = secrets.token_hex(16)
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.url = f"http://127.0.0.1:{probe.getsockname()[1]}"
        for name, values in SETTINGS.items():
            file = folder / "settings" / "@jupyterlab" / f"{name}.jupyterlab-settings"
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(json.dumps(values), encoding="utf-8")
        own = {
            "JUPYTERLAB_SETTINGS_DIR": "settings", "JUPYTERLAB_WORKSPACES_DIR": "workspaces", "IPYTHONDIR": "ipython",
            "JUPYTER_CONFIG_DIR": "config", "JUPYTER_RUNTIME_DIR": "runtime",
        }  # fmt: skip
        options = [
            "--no-browser", "--allow-root", "--ServerApp.ip=127.0.0.1", f"--ServerApp.port={self.url.split(':')[-1]}",
            f"--IdentityProvider.token={self.token}", f"--ServerApp.root_dir={folder / 'notebooks'}",
        ]  # fmt: skip
        self._log = (folder / "lab.log").open("w", encoding="utf-8")
        self._process = subprocess.Popen(
            [sys.executable, "-m", "jupyterlab", *options], stdout=self._log, stderr=subprocess.STDOUT,
            env={**os.environ, **{name: str(folder / path) for name, path in own.items()}},
        )  # fmt: skip

    def ask(self, path):
        """Return what the server says."""
        request = urllib.request.Request(f"{self.url}/api/{path}", headers={"Authorization": f"token {self.token}"})
        with urllib.request.urlopen(request, timeout=10) as answer:
            return json.load(answer)

    def wait_until(self, done, what, seconds):
        """Ask until the answer is yes."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            try:
                if done():
                    return
            except (urllib.error.URLError, ConnectionError, TimeoutError):
                pass
            time.sleep(0.2)
        pytest.fail(f"{what}: not within {seconds} s")

    def stop(self):
        """End the server; it ends its kernels."""
        self._process.terminate()
        try:
            self._process.wait(20)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait(20)
        self._log.close()


@pytest.fixture
def lab(tmp_path, root):
    (tmp_path / "notebooks").mkdir()
    notebook = nbformat.read(root / "notebooks" / NOTEBOOK, as_version=4)
    for cell in notebook.cells:
        if cell.cell_type == "code":
            cell.outputs, cell.execution_count = [], None  # stored charts would pass for drawn ones
    nbformat.write(notebook, tmp_path / "notebooks" / NOTEBOOK)
    server = Lab(tmp_path)
    try:
        server.wait_until(lambda: server.ask("status"), "JupyterLab starts", START_SECONDS)
        yield server
    finally:
        server.stop()


def test_tour_runs_and_draws_every_chart(chromium, lab, root):
    notebook = nbformat.read(root / "notebooks" / NOTEBOOK, as_version=4)
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    charts = sum("application/vnd.plotly.v1+json" in o.get("data", {}) for cell in code for o in cell.outputs)
    assert charts >= 5

    page = chromium.new_context(viewport={"width": 1280, "height": 1000}).new_page()
    outside = []
    page.on("request", lambda r: r.url.startswith((lab.url, "data:", "blob:", "ws://127")) or outside.append(r.url))
    page.goto(f"{lab.url}/lab/tree/{NOTEBOOK}?token={lab.token}")
    page.locator(".jp-Notebook .jp-CodeCell").first.wait_for(timeout=60_000)
    # the toolbar says idle before there is a kernel, and Run All is dropped: ask the server
    lab.wait_until(
        lambda: [k for k in lab.ask("kernels") if k["execution_state"] == "idle" and k["connections"] > 0],
        "the kernel is ready", START_SECONDS,
    )  # fmt: skip
    page.get_by_role("menuitem", name="Run", exact=True).click()
    page.get_by_role("menuitem", name="Run All Cells", exact=True).click()
    prompts = page.locator(".jp-CodeCell .jp-InputPrompt")
    last = f"[{len(code)}]:"
    page.wait_for_function(
        "last => [...document.querySelectorAll('.jp-CodeCell .jp-InputPrompt')].some(p => p.textContent.trim() == last)",
        arg=last, timeout=RUN_SECONDS * 1000,
    )  # fmt: skip
    page.wait_for_function(
        "n => document.querySelectorAll('.jp-RenderedPlotly.js-plotly-plot').length == n",
        arg=charts,
        timeout=30_000,
    )
    assert [text.strip() for text in prompts.all_text_contents()] == [f"[{n + 1}]:" for n in range(len(code))]
    assert page.locator(".jp-RenderedText[data-mime-type='application/vnd.jupyter.error']").count() == 0
    assert page.locator(".jp-RenderedText[data-mime-type='application/vnd.jupyter.stderr']").count() == 0
    drawn = page.locator(".jp-RenderedPlotly.js-plotly-plot")
    for number in range(charts):
        chart = drawn.nth(number)
        assert chart.locator("svg.main-svg").count() >= 1
        assert chart.locator(".trace path, .lines path").count() > 0
        assert chart.locator(".xtick text").count() > 1
        assert chart.locator(".gtitle").text_content()
    assert page.locator(".jp-OutputArea-output table.gt_table").count() >= 1
    if folder := os.environ.get("CUSTVALUE_PICTURES"):
        page.screenshot(path=f"{folder}/lab.png")
    assert outside == []
