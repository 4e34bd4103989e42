"""Kafka brokers for tests: librdkafka's mock cluster, in this process."""
import ctypes


class Brokers:
    def __init__(self, count=1, topics=()):
        self.lib = lib = ctypes.CDLL("librdkafka.so.1")
        pointer = ctypes.c_void_p
        for name, result, arguments in (("rd_kafka_conf_new", pointer, []), ("rd_kafka_new", pointer, [ctypes.c_int, pointer, ctypes.c_char_p, ctypes.c_size_t]),
                                        ("rd_kafka_mock_cluster_new", pointer, [pointer, ctypes.c_int]), ("rd_kafka_mock_cluster_bootstraps", ctypes.c_char_p, [pointer]),
                                        ("rd_kafka_mock_topic_create", ctypes.c_int, [pointer, ctypes.c_char_p, ctypes.c_int, ctypes.c_int]),
                                        ("rd_kafka_mock_broker_set_down", ctypes.c_int, [pointer, ctypes.c_int32]), ("rd_kafka_mock_broker_set_up", ctypes.c_int, [pointer, ctypes.c_int32]),
                                        ("rd_kafka_mock_cluster_destroy", None, [pointer]), ("rd_kafka_destroy", None, [pointer])):
            getattr(lib, name).restype, getattr(lib, name).argtypes = result, arguments
        why = ctypes.create_string_buffer(512)
        self.handle = lib.rd_kafka_new(0, lib.rd_kafka_conf_new(), why, len(why))
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

    def close(self):
        self.lib.rd_kafka_mock_cluster_destroy(self.cluster)
        self.lib.rd_kafka_destroy(self.handle)
