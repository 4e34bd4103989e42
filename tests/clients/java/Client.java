import com.sun.net.httpserver.HttpServer;
import java.net.InetSocketAddress;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.util.logging.Logger;

// A server and a client in one process that know nothing of telemetry: the agent sees their requests and log lines.
class Client {
  public static void main(String[] arguments) throws Exception {
    int count = Integer.parseInt(arguments[0]);
    Logger logger = Logger.getLogger("till");
    HttpServer server = HttpServer.create(new InetSocketAddress("127.0.0.1", 0), 0);
    server.createContext("/sale", exchange -> {
      logger.warning("paper is low: " + exchange.getRequestURI().getQuery());
      exchange.sendResponseHeaders(204, -1);
      exchange.close();
    });
    server.start();
    HttpClient client = HttpClient.newHttpClient();
    for (int i = 0; i < count; ++i) {
      URI uri = URI.create("http://127.0.0.1:" + server.getAddress().getPort() + "/sale?" + i);
      client.send(HttpRequest.newBuilder(uri).build(), HttpResponse.BodyHandlers.discarding());
    }
    server.stop(0);
    System.exit(0);
  }
}
