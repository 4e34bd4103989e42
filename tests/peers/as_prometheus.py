#!/usr/bin/env python3
"""Stands in for `prometheus --config.file=FILE` in the sender tests of prometheus/compliance: runs $WEIR_BINARY with what the file says."""
import os, re, signal, subprocess, sys, tempfile


def section(text, name):
    found = re.search(r"^%s:\n((?:[ -].*\n|\n)*)" % name, text, re.M)
    return found.group(0) if found else ""


def translated(text):
    write = section(text, "remote_write")
    scrape = "".join("      " + line + "\n" for line in (section(text, "global") + section(text, "scrape_configs")).splitlines())
    url = re.search(r"url: '(.*)'", write).group(1)
    message = re.search(r'protobuf_message: "(.*)"', write).group(1)
    return """
receivers:
  prometheus:
    config:
%s
exporters:
  prometheusremotewrite:
    endpoint: %s
    protobuf_message: %s
    send_metadata: true
    add_metric_suffixes: false
    disable_scope_info: true
    retry_on_failure: {randomization_factor: 0.1}
    target_info: {enabled: false}
service:
  telemetry: {metrics: {level: none}}
  pipelines: {metrics: {receivers: [prometheus], exporters: [prometheusremotewrite]}}
""" % (scrape, url, message)


def main():
    path = next(argument.split("=", 1)[1] for argument in sys.argv if argument.startswith("--config.file="))
    with open(path) as f:
        config = translated(f.read())
    with tempfile.NamedTemporaryFile("w", suffix=".yaml") as f:
        f.write(config)
        f.flush()
        weir = subprocess.Popen([os.environ["WEIR_BINARY"], "--config", f.name, "--data-dir", "none"])
        asked = []

        def end(*_):
            asked.append(True)
            weir.send_signal(signal.SIGTERM)
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, end)
        code = weir.wait()
        if not asked:  # a configuration that weir refuses: the tests expect somebody who can be told to end
            signal.pause()
        return code


if __name__ == "__main__":
    sys.exit(main())
