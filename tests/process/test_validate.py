"""`weir validate`: what cannot start is refused, all at once and where it stands; what the machine decides is a warning."""
import os, re, sys, unittest

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
from harness import *


def config(receivers="nop: {}", processors="", exporters="nop: {}", extensions="", pipeline="receivers: [nop], exporters: [nop]", more="", service=""):
    return """
receivers: {%s}
processors: {%s}
exporters: {%s}
extensions: {%s}
%s
service:
  telemetry: {metrics: {level: none}}
  %s
  pipelines: {traces: {%s}}
""" % (receivers, processors, exporters, extensions, more, service, pipeline)


class Validate(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory(prefix="weir-test-")
        self.addCleanup(self.folder.cleanup)

    def run_weir(self, text, *arguments, command="validate", env=None):
        path = os.path.join(self.folder.name, "x.yaml")
        with open(path, "w") as f:
            f.write(text)
        done = subprocess.run([binary(), command, "--config", path, *arguments], capture_output=True, text=True, timeout=60, env={**os.environ, **(env or {})})
        return done.returncode, done.stdout + done.stderr

    def refused(self, text, *parts, env=None):
        code, said = self.run_weir(text, env=env)
        self.assertEqual(code, 1, said)
        for part in parts:
            self.assertIn(part, said)
        return said

    def warned(self, text, *parts):
        code, said = self.run_weir(text)
        self.assertEqual(code, 0, said)
        self.assertIn("warning", said)
        for part in parts:
            self.assertIn(part, said)
        return said

    def fine(self, text, env=None):
        self.assertEqual(self.run_weir(text, env=env), (0, ""))

    def test_without_a_configuration(self):
        done = subprocess.run([binary(), "validate"], capture_output=True, text=True)
        self.assertEqual(done.returncode, 1)
        self.assertIn("at least one config flag must be provided", done.stderr)

    def test_endpoints_that_cannot_work(self):
        for endpoint in ("h:abc", "::1:4317", "user:pw@h:4317", "h:4317/path", "h", "h:99999", "h:-1", ":", "a b:1"):
            self.refused(config(exporters="otlp: {endpoint: '%s'}" % endpoint, pipeline="receivers: [nop], exporters: [otlp]"), "exporters::otlp::endpoint")
        for endpoint in ("h:4317", "http://h:4317", "https://h:4317", "dns:///h:4317", "unix:/run/x", "[::1]:4317", "127.0.0.1:4317"):
            self.fine(config(exporters="otlp: {endpoint: '%s'}" % endpoint, pipeline="receivers: [nop], exporters: [otlp]"))
        for endpoint in ("http://h:99999", "http://", "ftp://h", "http://h:x/y"):
            self.refused(config(exporters="otlphttp: {endpoint: '%s'}" % endpoint, pipeline="receivers: [nop], exporters: [otlphttp]"), "exporters::otlphttp")
        for endpoint in ("h:99999", "h", "::1:4317"):
            self.refused(config(receivers="otlp: {protocols: {grpc: {endpoint: '%s'}}}" % endpoint, pipeline="receivers: [otlp], exporters: [nop]"), "receivers::otlp::protocols::grpc")
        for resolver in ("static: {hostnames: ['a:4317', 'h:x']}", "dns: {hostname: h, port: x}", "aws_cloud_map: {namespace: a, service_name: b}"):
            self.refused(config(exporters="loadbalancing: {protocol: {otlp: {}}, resolver: {%s}}" % resolver, pipeline="receivers: [nop], exporters: [loadbalancing]"), "loadbalancing::resolver")

    def test_every_wrong_policy_is_named_at_its_place(self):
        text = """
receivers: {nop: }
exporters: {nop: }
processors:
  tail_sampling:
    policies:
    - {name: a, type: nosuch}
    - {name: b, type: status_code, status_code: {status_codes: [MAYBE]}}
    - {name: c, type: string_attribute, string_attribute: {key: k, values: ['('], enabled_regex_matching: true}}
    - {name: d, type: latency}
    - {name: e, type: and, and: {and_sub_policy: [{name: f, type: nosuch2}]}}
    - name: g
      type: ottl_condition
      ottl_condition:
        span:
        - 'attributes["a"] == 1'
        - 'nosuch('
    - {name: h, type: composite, composite: {max_total_spans_per_second: 1, policy_order: [x], composite_sub_policy: [{name: i, type: always_sample}]}}
service: {telemetry: {metrics: {level: none}}, pipelines: {traces: {receivers: [nop], processors: [tail_sampling], exporters: [nop]}}}
"""
        said = self.refused(text)
        for place in ("policies::0", "policies::1", "policies::2", "policies::3", "policies::4::and::and_sub_policy::0", "policies::5::ottl_condition::span::1", "policies::6::composite::policy_order::0"):
            self.assertIn("processors::tail_sampling::" + place, said)
        self.assertRegex(said, r"x\.yaml:17:11: error: processors::tail_sampling::policies::5::ottl_condition::span::1")

    def test_statements_are_named_at_their_place(self):
        said = self.refused("""
receivers: {nop: }
exporters: {nop: }
processors:
  transform:
    trace_statements:
    - set(span.name, "a")
    - set(span.nme, "b")
    - nosuch(span.name)
    log_statements:
    - context: log
      conditions: ['body ==']
      statements:
      - set(body, 1)
      - set(bdy, 1)
  filter: {traces: {span: ['name == "x"', 'nme == "x"']}}
service: {telemetry: {metrics: {level: none}}, pipelines: {traces: {receivers: [nop], processors: [transform, filter], exporters: [nop]}}}
""")
        for place in ("x.yaml:8:7: error: processors::transform::trace_statements::1", "x.yaml:9:7: error: processors::transform::trace_statements::2",
                      "transform::log_statements::0::conditions::0", "x.yaml:15:9: error: processors::transform::log_statements::0::statements::1", "filter::traces::span::1"):
            self.assertIn(place, said)

    def test_pipelines_of_a_route(self):
        text = config(exporters="nop: {}, nop/2: {}", more="connectors: {routing: {table: [{condition: 'attributes[\"a\"] == 1', pipelines: [traces/lost]}], default_pipelines: [traces/out]}}",
                      pipeline="receivers: [nop], exporters: [routing]}, traces/out: {receivers: [routing], exporters: [nop/2]")
        self.refused(text, "connectors::routing", "traces/lost")

    def test_an_error_in_one_pipeline_is_at_its_line(self):
        said = self.refused("""
receivers: {nop: }
processors: {tail_sampling: {policies: [{name: a, type: always_sample}]}}
exporters: {nop: }
service:
  telemetry: {metrics: {level: none}}
  pipelines:
    traces: {receivers: [nop], exporters: [nop]}
    logs:
      receivers: [nop]
      processors: [tail_sampling]
      exporters: [nop]
""")
        self.assertIn('x.yaml:11:20: error: service::pipelines::logs: processor "tail_sampling" does not support logs', said)

    def test_extensions_that_settings_name(self):
        receiver = "otlp: {protocols: {grpc: {endpoint: '127.0.0.1:0', auth: {authenticator: %s}}}}"
        pipeline = "receivers: [otlp], exporters: [nop]"
        self.refused(config(receivers=receiver % "basicauth", pipeline=pipeline), "receivers::otlp::protocols::grpc::auth", "service::extensions")
        client = "basicauth: {client_auth: {username: a, password: b}}"
        self.refused(config(receivers=receiver % "basicauth", extensions=client, service="extensions: [basicauth]", pipeline=pipeline), "does not offer server auth")
        server = "basicauth: {htpasswd: {inline: 'a:b'}}"
        self.fine(config(receivers=receiver % "basicauth", extensions=server, service="extensions: [basicauth]", pipeline=pipeline))

    def test_storage_and_authenticators_that_do_not_run(self):
        for storage in ("nosuch", "file_storage", "'['"):
            for exporter in ("otlp: {endpoint: 'h:1', sending_queue: {storage: %s}}", "prometheusremotewrite: {endpoint: 'http://h/x', remote_write_queue: {storage: %s}}"):
                name = exporter.split(":")[0]
                text = config(exporters=exporter % storage, pipeline="receivers: [nop], exporters: [%s]" % name)
                self.refused(text.replace("{traces:", "{metrics:") if name != "otlp" else text, "storage")
        filelog = config(receivers="filelog: {include: [/tmp/x], storage: nosuch}", pipeline="receivers: [filelog], exporters: [nop]")
        self.refused(filelog.replace("{traces:", "{logs:"), "receivers::filelog::storage", "nosuch")
        self.refused(config(exporters="otlp: {endpoint: 'h:1', auth: {authenticator: '['}}", pipeline="receivers: [nop], exporters: [otlp]"), "exporters::otlp::auth", "invalid type")

    def test_what_the_machine_decides_is_a_warning_here_and_an_error_at_the_start(self):
        for text in (config(exporters="otlp: {endpoint: 'h:1', tls: {ca_file: /not/there.pem}}", pipeline="receivers: [nop], exporters: [otlp]"),
                     config(receivers="otlp: {protocols: {http: {endpoint: '127.0.0.1:0', tls: {cert_file: /not/there, key_file: /not/there}}}}", pipeline="receivers: [otlp], exporters: [nop]"),
                     config(extensions="file_storage: {directory: /not/there}", service="extensions: [file_storage]")):
            self.warned(text)
            code, said = self.run_weir(text, command="run")
            self.assertEqual(code, 1, said)
        # What is wrong on every machine stays an error.
        self.refused(config(exporters="otlp: {endpoint: 'h:1', tls: {cert_file: /not/there.pem}}", pipeline="receivers: [nop], exporters: [otlp]"), "provide both certificate and key")
        self.refused(config(exporters="otlp: {endpoint: 'h:1', tls: {cert_pem: nonsense, key_pem: nonsense}}", pipeline="receivers: [nop], exporters: [otlp]"), "exporters::otlp::tls")

    def test_faults_of_what_nothing_uses(self):
        text = config(exporters="nop: {}, otlp: {endpoint: 'h:99999'}")
        self.warned(text, "exporters::otlp", "nothing uses")
        self.assertEqual(self.run_weir(text, command="run")[0], 1)

    def test_components_that_this_build_lacks(self):
        self.warned(config(receivers="nop: {}, vcenter: {endpoint: x}"), "receivers::vcenter", "nothing uses it")
        self.refused(config(receivers="vcenter: {endpoint: x}", pipeline="receivers: [vcenter], exporters: [nop]"), 'the collector has a receiver "vcenter", this build does not')
        self.refused(config(processors="geoip: {}", pipeline="receivers: [nop], processors: [geoip], exporters: [nop]"), 'the collector has a processor "geoip"')
        self.refused(config(processors="attribute: {}", pipeline="receivers: [nop], processors: [attribute], exporters: [nop]"), 'did you mean "attributes"?')

    def test_what_public_configurations_have(self):
        for text in (config(exporters="logging: {logLevel: DEBUG}", pipeline="receivers: [nop], exporters: [logging]"),
                     config(exporters="logging: {loglevel: Info}", pipeline="receivers: [nop], exporters: [logging]"),
                     config(extensions="healthcheckv2: {http: {endpoint: 'localhost:0'}}", service="extensions: [healthcheckv2]")):
            self.assertEqual(self.run_weir(text)[0], 0)
        self.fine("""
receivers: {nop: }
exporters: {nop: }
service:
  telemetry: {metrics: {readers: [{periodic: {exporter: {otlp: {protocol: grpc/protobuf, endpoint: 'http://h'}}}}]}}
  pipelines: {traces: {receivers: [nop], exporters: [nop]}}
""")
        self.refused(config(pipeline="receivers: nop, exporters: [nop]"), "expected a list of ids")
        self.refused("receivers: otlp\nexporters: {nop: }\nservice: {pipelines: {traces: {receivers: [otlp], exporters: [nop]}}}\n", "receivers: expected a map")

    def test_the_dialect_of_0_89_listens_as_then(self):
        text = """
receivers: {nop: }
exporters: {nop: }
extensions: {health_check: }
service: {extensions: [health_check], telemetry: {metrics: {address: 'localhost:0'}}, pipelines: {traces: {receivers: [nop], exporters: [nop]}}}
"""
        self.warned(text, "listens on 0.0.0.0:13133", "deprecated")
        self.assertIn("0.0.0.0:13133", self.run_weir(text, command="print-config")[1])
        self.assertIn("localhost:13133", self.run_weir(text.replace("telemetry: {metrics: {address: 'localhost:0'}}, ", ""), command="print-config")[1])

    def test_the_dialect_of_0_89_adds_the_address_of_pods(self):
        text = """
receivers: {nop: }
processors: {k8sattributes: {auth_type: none}, k8sattributes/own: {auth_type: none, connection_ip: false}}
exporters: {nop: }
extensions: {memory_ballast: }
service: {extensions: [memory_ballast], pipelines: {traces: {receivers: [nop], processors: [k8sattributes, k8sattributes/own], exporters: [nop]}}}
"""
        printed = self.run_weir(text, command="print-config")[1]
        self.assertEqual(re.findall("connection_ip: (.*)", printed), ["true", "false"])
        newer = text.replace("extensions: {memory_ballast: }", "").replace("extensions: [memory_ballast], ", "")
        self.assertEqual(re.findall("connection_ip: (.*)", self.run_weir(newer, command="print-config")[1]), ["false", "false"])

    def test_words_that_help(self):
        self.refused("receivers: {nop: }\nexporters: {nop: }\nservice:\n  piplines: {}\n", "'service' has invalid keys: piplines", 'did you mean "pipelines"?')
        self.refused("receivers:\n\tnop:\n", "x.yaml:2:1: error: a tab indents this line")
        for word, meant in (("valdate", "validate"), ("--confg=x", "--config")):
            done = subprocess.run([binary(), word], capture_output=True, text=True)
            self.assertEqual(done.returncode, 1)
            self.assertIn('Did you mean "%s"' % meant, done.stderr)

    def test_feature_gates(self):
        code, said = self.run_weir(config(), "--feature-gates=nosuch.gate")
        self.assertEqual(code, 1)
        self.assertIn('no such feature gate "nosuch.gate"', said)
        self.assertEqual(self.run_weir(config(), "--feature-gates=-component.UseLocalHostAsDefaultHost,processor.servicegraph.virtualNode"), (0, ""))
        for gate in ("exporter.prometheusremotewritexporter.enableSendingRW2", "receiver.prometheusreceiver.EnableCreatedTimestampZeroIngestion", "stanza.synchronousLogEmitter", "receiverhelper.newReceiverMetrics"):
            self.assertEqual(self.run_weir(config(), "--feature-gates=" + gate), (0, ""))


SECRET = "hunter2"


class Secrets(unittest.TestCase):
    """Planted in every place that may hold one, they stand in no output."""

    CONFIG = """
receivers:
  otlp: {protocols: {http: {endpoint: "127.0.0.1:%(port)d", auth: {authenticator: bearertokenauth}}}}
exporters:
  otlphttp:
    endpoint: http://user:%(secret)s@127.0.0.1:1/x?token=%(secret)s
    headers: {x-tenant: %(secret)s, authorization: "Bearer %(secret)s"}
    retry_on_failure: {initial_interval: 10ms, max_interval: 10ms}
  otlp: {endpoint: "127.0.0.1:1", headers: {api-key: %(secret)s}, tls: {insecure: true}}
  loadbalancing:
    protocol: {otlp: {headers: {x: %(secret)s}, tls: {insecure: true}}}
    resolver: {static: {hostnames: ["127.0.0.1:1"]}}
extensions:
  bearertokenauth: {token: %(secret)s}
  basicauth: {client_auth: {username: me, password: %(secret)s}}
  zpages: {endpoint: "127.0.0.1:%(zpages)d"}
  health_check: {use_v2: true, http: {endpoint: "127.0.0.1:%(health)d", status: {enabled: true, path: /}, config: {enabled: true, path: /config}}}
service:
  extensions: [bearertokenauth, basicauth, zpages, health_check]
  telemetry:
    logs: {level: debug}
    metrics: {level: detailed, readers: [{pull: {exporter: {prometheus: {host: 127.0.0.1, port: %(metrics)d}}}}, {periodic: {interval: 100, exporter: {otlp: {protocol: http/protobuf, endpoint: "http://u:%(secret)s@127.0.0.1:1", headers: [{name: k, value: %(secret)s}], headers_list: "a=%(secret)s"}}}}]}
  pipelines:
    traces: {receivers: [otlp], exporters: [otlphttp, otlp, loadbalancing]}
"""

    def test_they_stand_in_no_output(self):
        ports = {name: free_port() for name in ("port", "zpages", "health", "metrics")}
        text = self.CONFIG % {**ports, "secret": SECRET}
        span = {"resourceSpans": [{"scopeSpans": [{"spans": [{"traceId": "0102030405060708090a0b0c0d0e0f10", "spanId": "0102030405060708", "name": "x"}]}]}]}
        with Weir(text, ready=[ports["port"], ports["zpages"], ports["health"], ports["metrics"]]) as weir:
            self.assertEqual(post(ports["port"], "/v1/traces", span, {"Authorization": "Bearer " + SECRET})[0], 200)
            self.assertEqual(post(ports["port"], "/v1/traces", span, {"Authorization": "Bearer wrong" + SECRET})[0], 401)
            wait_for(lambda: "Exporting failed" in weir.output(), what="a failed attempt")
            time.sleep(0.3)
            pages = [get(ports["zpages"], path) for path in ("/debug/servicez", "/debug/pipelinez", "/debug/extensionz", "/debug/featurez", "/debug/tracez")]
            pages += [get(ports["health"], "/config"), get(ports["health"], "/?verbose"), get(ports["metrics"], "/metrics")]
            weir.signal(signal.SIGTERM)
            weir.process.wait(60)
            self.assertNotIn(SECRET, weir.output())
            self.assertNotIn(SECRET, repr(pages))
            for command in (["validate"], ["print-config"], ["print-config", "--format=json"], ["explain"]):
                done = subprocess.run([binary(), command[0], "--config", weir.config, *command[1:]], capture_output=True, text=True)
                self.assertEqual(done.returncode, 0, done.stderr)
                self.assertNotIn(SECRET, done.stdout + done.stderr)

    def test_nor_beside_an_error(self):
        with tempfile.TemporaryDirectory(prefix="weir-test-") as folder:
            path = os.path.join(folder, "x.yaml")
            for wrong in ("otlphttp: {endpoint: 'http://u:%s@h:99999/?k=%s'}", "otlphttp: {endpoint: 'http://h', headers: {x: %s}, nosuch: 1}", "otlp: {endpoint: 'u:%s@h:1'}",
                          "otlphttp:\n    endpoint: http://h\n    headers:\n      x: [%s]\n", "otlphttp:\n    endpoint: http://h\n    headers: {x: %s\n",
                          "otlphttp: {endpoint: 'http://h', proxy_url: 'https://u:%s@p'}", "otlphttp: {endpoint: 'http://h', tls: {key_pem: '%s'}}", "otlp: {endpoint: 'h:1', auth: {authenticator: x, password: %s}}",
                          "otlphttp:\n    endpoint: http://h\n    tls:\n      key_pem: |\n        %s\n       x\n"):
                with open(path, "w") as f:
                    f.write("receivers: {nop: }\nexporters:\n  %s\nservice: {pipelines: {traces: {receivers: [nop], exporters: [otlphttp]}}}\n" % wrong.replace("%s", SECRET))
                done = subprocess.run([binary(), "validate", "--config", path], capture_output=True, text=True)
                self.assertEqual(done.returncode, 1, wrong)
                self.assertNotIn(SECRET, done.stdout + done.stderr, wrong)
            done = subprocess.run([binary(), "validate", "--config", path, "--set=exporters.otlphttp.headers.x=[%s" % SECRET], capture_output=True, text=True)
            self.assertNotIn(SECRET, done.stdout + done.stderr)


class Running(unittest.TestCase):
    def test_the_systems_authorities_are_not_read_for_plain_http(self):
        with tempfile.TemporaryDirectory(prefix="weir-test-") as folder:
            fifo, port = os.path.join(folder, "fifo"), free_port()
            os.mkfifo(fifo)  # who reads it waits for ever
            env = {"SSL_CERT_FILE": fifo, "SSL_CERT_DIR": folder}
            with Weir("""
receivers: {otlp: {protocols: {http: {endpoint: "127.0.0.1:%d"}}}}
exporters: {otlphttp: {endpoint: "http://127.0.0.1:1"}, otlp: {endpoint: "127.0.0.1:1", tls: {insecure: true}}}
service: {telemetry: {metrics: {level: none}}, pipelines: {traces: {receivers: [otlp], exporters: [otlphttp, otlp]}}}
""" % port, ready=[port], env=env) as weir:
                wait_for(lambda: "Everything is ready" in weir.output(), what="ready")
            path = os.path.join(folder, "x.yaml")
            with open(path, "w") as f:
                f.write("receivers: {nop: }\nexporters: {otlphttp: {endpoint: 'https://h'}, otlp: {endpoint: 'h:1'}}\n"
                        "service: {telemetry: {metrics: {level: none}}, pipelines: {traces: {receivers: [nop], exporters: [otlphttp, otlp]}}}\n")
            done = subprocess.run([binary(), "validate", "--config", path], capture_output=True, text=True, timeout=20, env={**os.environ, **env})
            self.assertEqual((done.returncode, done.stderr), (0, ""))

    def test_numbers_of_the_process_are_not_added_up_over_pipelines(self):
        port = free_port()
        with Weir("""
receivers: {nop: }
processors: {groupbytrace: {num_traces: 77}}
exporters: {nop: , loadbalancing: {protocol: {otlp: {tls: {insecure: true}}}, resolver: {static: {hostnames: ["127.0.0.1:1", "127.0.0.1:2"]}}}}
service:
  telemetry: {metrics: {readers: [{pull: {exporter: {prometheus: {host: 127.0.0.1, port: %d}}}}]}}
  pipelines:
    traces: {receivers: [nop], processors: [groupbytrace], exporters: [loadbalancing]}
    traces/2: {receivers: [nop], processors: [groupbytrace], exporters: [loadbalancing]}
    logs: {receivers: [nop], exporters: [loadbalancing]}
    metrics: {receivers: [nop], exporters: [loadbalancing]}
""" % port, ready=[port], args=["--cores", "3"]):
            def text():
                return get(port, "/metrics")[1]
            wait_for(lambda: re.search(r"otelcol_loadbalancer_num_backends\{[^}]*\} 2\n", text()), what="two backends")
            self.assertRegex(text(), r"otelcol_processor_groupbytrace_conf_num_traces\{[^}]*\} 77\n")

    def test_a_unix_socket_on_several_cores_and_over_a_stale_one(self):
        with tempfile.TemporaryDirectory(prefix="weir-test-") as folder:
            path, metrics = os.path.join(folder, "s"), free_port()
            with socket.socket(socket.AF_UNIX) as stale:
                stale.bind(path)
            with Weir("""
receivers: {otlp: {protocols: {http: {endpoint: "unix:%s"}}}}
exporters: {nop: }
service: {telemetry: {metrics: {readers: [{pull: {exporter: {prometheus: {host: 127.0.0.1, port: %d}}}}]}}, pipelines: {traces: {receivers: [otlp], exporters: [nop]}}}
""" % (path, metrics), ready=[metrics], args=["--cores", "3"]) as weir:
                for _ in range(5):
                    with socket.socket(socket.AF_UNIX) as client:
                        client.connect(path)
                        client.sendall(b"POST /v1/traces HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}")
                        self.assertTrue(client.recv(1000).startswith(b"HTTP/1.1 200 "))

    def test_errors_are_a_status_in_the_requests_encoding_and_text_is_repaired(self):
        port, metrics, sink = free_port(), free_port(), Sink()
        self.addCleanup(sink.close)
        with Weir("""
receivers: {otlp: {protocols: {http: {endpoint: "127.0.0.1:%d", max_request_body_size: 100000, auth: {authenticator: bearertokenauth}}}}}
processors: {transform: {trace_statements: ['set(span.attributes["part"], Substring(span.attributes["whole"], 0, 1)) where span.attributes["whole"] != nil']}}
exporters: {otlphttp: {endpoint: "http://127.0.0.1:%d", encoding: proto, compression: none, sending_queue: {enabled: false}}}
extensions: {bearertokenauth: {token: t}}
service:
  extensions: [bearertokenauth]
  telemetry: {metrics: {readers: [{pull: {exporter: {prometheus: {host: 127.0.0.1, port: %d}}}}]}}
  pipelines: {traces: {receivers: [otlp], processors: [transform], exporters: [otlphttp]}}
""" % (port, sink.port, metrics), ready=[port, metrics]) as weir:
            def ask(body, kind, token="bearer t", more={}):
                return post(port, "/v1/traces", body, {"Content-Type": kind, "Authorization": token, **more})
            status, headers, body = ask(b"{}", "application/json", "Bearer wrong")
            self.assertEqual((status, headers["content-type"], json.loads(body)["code"]), (401, "application/json", 16))
            status, headers, body = ask(b"", "application/x-protobuf", "Bearer wrong")
            self.assertEqual((status, headers["content-type"], body[:2]), (401, "application/x-protobuf", b"\x08\x10"))
            status, headers, body = ask(b"x" * 5_000_000, "application/json")
            self.assertEqual((status, headers["content-type"]), (413, "application/json"))
            self.assertIn("the limit is", json.loads(body)["message"])
            status, headers, body = ask(b"no gzip", "application/json", more={"Content-Encoding": "gzip"})
            self.assertEqual((status, "message" in json.loads(body)), (400, True))
            span = {"resourceSpans": [{"scopeSpans": [{"spans": [{"traceId": "0102030405060708090a0b0c0d0e0f10", "spanId": "0102030405060708", "name": "N\u00e4me",
                                                                  "attributes": [{"key": "whole", "value": {"stringValue": "\u00e4"}}]}]}]}]}
            raw = json.dumps(span, ensure_ascii=False).encode().replace("N\u00e4me".encode(), b"N\xffme \\ud800")
            self.assertEqual(ask(raw, "application/json")[0], 200)
            sent = sink.requests[-1][2]
            sent.decode("utf-8", "replace")
            self.assertIn(b"N\xef\xbf\xbdme \xef\xbf\xbd", sent)
            self.assertIn(b"part\x12\x05\x0a\x03\xef\xbf\xbd", sent)
            self.assertIn('weir_receiver_repaired_texts{receiver="otlp",transport="http"} 2\n', get(metrics, "/metrics")[1])
            # What the back end says reaches a sender that waits for it.
            for said, heard in ((400, 400), (401, 401), (404, 404), (503, 503)):
                sink.answer = lambda path, body: (said, {})
                if said != 503:
                    self.assertEqual(ask(json.dumps(span).encode(), "application/json")[0], heard)


if __name__ == "__main__":
    unittest.main()
