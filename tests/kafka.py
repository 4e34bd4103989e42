"""Kafka brokers for tests: librdkafka's mock cluster, in this process, and a real broker of Kafka 4.1."""
import ctypes, os, shutil, signal, socket, subprocess, tempfile, time

from harness import ROOT, free_port, wait_for

POM = """<project xmlns="http://maven.apache.org/POM/4.0.0"><modelVersion>4.0.0</modelVersion><groupId>weir</groupId><artifactId>kafka</artifactId><version>1</version>
<dependencies><dependency><groupId>org.apache.kafka</groupId><artifactId>kafka_2.13</artifactId><version>4.1.0</version></dependency>
<dependency><groupId>org.apache.kafka</groupId><artifactId>kafka-tools</artifactId><version>4.1.0</version></dependency></dependencies></project>"""
INSTALLED = os.path.join(ROOT, "build", "kafka")


class Brokers:
    def __init__(self, count=1, topics=()):
        self.lib = lib = ctypes.CDLL("librdkafka.so.1")
        pointer = ctypes.c_void_p
        for name, result, arguments in (("rd_kafka_conf_new", pointer, []), ("rd_kafka_conf_set", ctypes.c_int, [pointer, ctypes.c_char_p, ctypes.c_char_p, ctypes.c_char_p, ctypes.c_size_t]),
                                        ("rd_kafka_new", pointer, [ctypes.c_int, pointer, ctypes.c_char_p, ctypes.c_size_t]),
                                        ("rd_kafka_mock_cluster_new", pointer, [pointer, ctypes.c_int]), ("rd_kafka_mock_cluster_bootstraps", ctypes.c_char_p, [pointer]),
                                        ("rd_kafka_mock_topic_create", ctypes.c_int, [pointer, ctypes.c_char_p, ctypes.c_int, ctypes.c_int]),
                                        ("rd_kafka_mock_broker_set_down", ctypes.c_int, [pointer, ctypes.c_int32]), ("rd_kafka_mock_broker_set_up", ctypes.c_int, [pointer, ctypes.c_int32]),
                                        ("rd_kafka_mock_cluster_destroy", None, [pointer]), ("rd_kafka_destroy", None, [pointer])):
            getattr(lib, name).restype, getattr(lib, name).argtypes = result, arguments
        why = ctypes.create_string_buffer(512)
        conf = lib.rd_kafka_conf_new()
        lib.rd_kafka_conf_set(conf, b"log_level", b"3", why, len(why))
        self.handle = lib.rd_kafka_new(0, conf, why, len(why))
        assert self.handle, why.value
        self.cluster, self.count = lib.rd_kafka_mock_cluster_new(self.handle, count), count
        self.addresses = lib.rd_kafka_mock_cluster_bootstraps(self.cluster).decode()
        for name, partitions in topics:
            assert lib.rd_kafka_mock_topic_create(self.cluster, name.encode(), partitions, 1) == 0

    def down(self):
        for number in range(1, self.count + 1):
            self.lib.rd_kafka_mock_broker_set_down(self.cluster, number)

    def up(self):
        for number in range(1, self.count + 1):
            self.lib.rd_kafka_mock_broker_set_up(self.cluster, number)

    def restart(self):
        self.down()
        time.sleep(1)
        self.up()

    def close(self):
        self.lib.rd_kafka_mock_cluster_destroy(self.cluster)
        self.lib.rd_kafka_destroy(self.handle)


def installed():
    """Whether a real Kafka can be started; downloads it (43 MB) the first time."""
    if not shutil.which("java") or not shutil.which("mvn"):
        return False
    if not os.path.exists(os.path.join(INSTALLED, "done")):
        os.makedirs(INSTALLED, exist_ok=True)
        with open(os.path.join(INSTALLED, "pom.xml"), "w") as f:
            f.write(POM)
        subprocess.run(["mvn", "-q", "-B", "dependency:copy-dependencies", "-DoutputDirectory=" + os.path.join(INSTALLED, "lib")], cwd=INSTALLED, check=True, timeout=600)
        open(os.path.join(INSTALLED, "done"), "w").close()
    return True


class RealBroker:
    """One broker that is its own controller. Takes what `Brokers` takes."""

    def __init__(self, topics=()):
        self.folder = tempfile.mkdtemp(prefix="weir-kafka-")
        port, controller = free_port(), free_port()
        self.addresses = "127.0.0.1:%d" % port
        properties = os.path.join(self.folder, "server.properties")
        with open(properties, "w") as f:
            f.write("\n".join(("process.roles=broker,controller", "node.id=1", "controller.quorum.voters=1@127.0.0.1:%d" % controller, "log.dirs=%s/data" % self.folder,
                               "listeners=PLAINTEXT://127.0.0.1:%d,CONTROLLER://127.0.0.1:%d" % (port, controller), "controller.listener.names=CONTROLLER",
                               "listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT", "offsets.topic.replication.factor=1",
                               "offsets.topic.num.partitions=1", "transaction.state.log.replication.factor=1", "group.initial.rebalance.delay.ms=0", "")))
        self.java("kafka.tools.StorageTool", "format", "-t", "AAAAAAAAAAAAAAAAAAAAAA", "-c", properties)
        self.properties, self.port = properties, port
        self.start()
        for name, partitions in topics:
            self.java("org.apache.kafka.tools.TopicCommand", "--bootstrap-server", self.addresses, "--create", "--topic", name, "--partitions", str(partitions))

    def start(self):
        with open(os.path.join(self.folder, "log"), "ab") as log:
            self.process = subprocess.Popen(self.command("kafka.Kafka", self.properties), stdout=log, stderr=log, cwd=self.folder)
        wait_for(lambda: self.listens(self.port), 180, "a broker")

    def restart(self):
        self.process.terminate()
        self.process.wait()
        self.start()

    def listens(self, port):
        assert self.process.poll() is None, open(os.path.join(self.folder, "log")).read()[-3000:]
        with socket.socket() as s:
            return s.connect_ex(("127.0.0.1", port)) == 0

    @staticmethod
    def command(*arguments):
        return ["java", "-Xmx256m", "-cp", os.path.join(INSTALLED, "lib", "*"), *arguments]

    def java(self, *arguments):
        done = subprocess.run(self.command(*arguments), cwd=self.folder, capture_output=True, text=True, timeout=120)
        assert done.returncode == 0, done.stdout + done.stderr

    def down(self):
        self.process.send_signal(signal.SIGSTOP)

    def up(self):
        self.process.send_signal(signal.SIGCONT)

    def close(self):
        self.process.kill()
        self.process.wait()
        shutil.rmtree(self.folder, True)
