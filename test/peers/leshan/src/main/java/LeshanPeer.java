import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import java.io.BufferedReader;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.OutputStream;
import java.net.InetSocketAddress;
import java.net.URLDecoder;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Executors;
import java.util.concurrent.TimeoutException;
import org.eclipse.californium.scandium.config.DtlsConfig;
import org.eclipse.leshan.core.endpoint.Protocol;
import org.eclipse.leshan.core.link.lwm2m.attributes.DefaultLwM2mAttributeParser;
import org.eclipse.leshan.core.link.lwm2m.attributes.LwM2mAttributeSet;
import org.eclipse.leshan.core.model.ObjectLoader;
import org.eclipse.leshan.core.model.ObjectModel;
import org.eclipse.leshan.core.node.LwM2mNode;
import org.eclipse.leshan.core.node.LwM2mObjectInstance;
import org.eclipse.leshan.core.node.LwM2mPath;
import org.eclipse.leshan.core.observation.SingleObservation;
import org.eclipse.leshan.core.request.CancelObservationRequest;
import org.eclipse.leshan.core.request.ContentFormat;
import org.eclipse.leshan.core.request.CreateRequest;
import org.eclipse.leshan.core.request.DeleteRequest;
import org.eclipse.leshan.core.request.DiscoverRequest;
import org.eclipse.leshan.core.request.DownlinkDeviceManagementRequest;
import org.eclipse.leshan.core.request.ExecuteRequest;
import org.eclipse.leshan.core.request.ObserveCompositeRequest;
import org.eclipse.leshan.core.request.ObserveRequest;
import org.eclipse.leshan.core.request.ReadCompositeRequest;
import org.eclipse.leshan.core.request.ReadRequest;
import org.eclipse.leshan.core.request.WriteAttributesRequest;
import org.eclipse.leshan.core.request.WriteCompositeRequest;
import org.eclipse.leshan.core.request.WriteRequest;
import org.eclipse.leshan.core.request.WriteRequest.Mode;
import org.eclipse.leshan.core.request.exception.InvalidRequestException;
import org.eclipse.leshan.core.response.LwM2mResponse;
import org.eclipse.leshan.server.LeshanServer;
import org.eclipse.leshan.server.LeshanServerBuilder;
import org.eclipse.leshan.server.endpoint.LwM2mServerEndpoint;
import org.eclipse.leshan.server.model.VersionedModelProvider;
import org.eclipse.leshan.server.queue.StaticClientAwakeTimeProvider;
import org.eclipse.leshan.server.registration.InMemoryRegistrationStore;
import org.eclipse.leshan.server.registration.Registration;
import org.eclipse.leshan.transport.californium.server.endpoint.CaliforniumServerEndpointsProvider;
import org.eclipse.leshan.transport.californium.server.endpoint.coap.CoapServerProtocolProvider;
import org.eclipse.leshan.transport.californium.server.endpoint.coaps.CoapsServerProtocolProvider;

/**
 * A LwM2M server for tests: Leshan's library behind a REST interface on 127.0.0.1 with the routes of Leshan's demo
 * server, as far as the tests need them. Reads one line of JSON from the standard input (ports, objects as XML), prints
 * {@code ready <coap port> <http port>}, and ends when the standard input closes.
 */
public final class LeshanPeer {
  private static final long TIMEOUT_MS = 5_000;

  private final LeshanServer server;
  private final Events events;

  public static void main(String[] args) throws Exception {
    BufferedReader input = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
    JsonNode options = Json.MAPPER.readTree(input.readLine());
    LeshanPeer peer = new LeshanPeer(options);
    int httpPort = peer.serveHttp(options.path("httpPort").asInt());
    System.out.println("ready " + peer.portOf(Protocol.COAP) + " " + httpPort + " " + peer.portOf(Protocol.COAPS));
    while (input.read() != -1) {} // nothing more is expected
    System.exit(0);
  }

  private LeshanPeer(JsonNode options) throws Exception {
    List<ObjectModel> models = new ArrayList<>(ObjectLoader.loadAllDefault());
    for (JsonNode ddf : options.path("objects")) {
      byte[] xml = ddf.asText().getBytes(StandardCharsets.UTF_8);
      // as Leshan's own servers load them: checked against the schema, then for sense
      models.addAll(ObjectLoader.loadDdfFile(new ByteArrayInputStream(xml), "objects", true));
    }
    JsonNode security = options.path("security");
    CaliforniumServerEndpointsProvider.Builder endpoints =
        security.isMissingNode()
            ? new CaliforniumServerEndpointsProvider.Builder(new CoapServerProtocolProvider())
            : new CaliforniumServerEndpointsProvider.Builder(
                new CoapServerProtocolProvider(), new CoapsServerProtocolProvider());
    endpoints.setConfiguration(
        configuration ->
            configuration.set(DtlsConfig.DTLS_CONNECTION_ID_LENGTH, options.path("cidLength").asInt()));
    endpoints.addEndpoint(
        new InetSocketAddress("127.0.0.1", options.path("coapPort").asInt()), Protocol.COAP);
    LeshanServerBuilder builder =
        new LeshanServerBuilder()
            .setObjectModelProvider(new VersionedModelProvider(models))
            .setRegistrationStore(new InMemoryRegistrationStore(options.path("cleanS").asInt(10)))
            .setClientAwakeTimeProvider(
                new StaticClientAwakeTimeProvider(options.path("awakeMs").asInt(93_000)));
    if (!security.isMissingNode()) {
      endpoints.addEndpoint(
          new InetSocketAddress("127.0.0.1", options.path("coapsPort").asInt()), Protocol.COAPS);
      Clients.secure(builder, security);
    }
    server = builder.setEndpointsProviders(endpoints.build()).build();
    events = new Events(server);
    server.start();
  }

  /** 0: there is no such endpoint. */
  private int portOf(Protocol protocol) {
    LwM2mServerEndpoint endpoint = server.getEndpoint(protocol);
    return endpoint == null ? 0 : endpoint.getURI().getPort();
  }

  private int serveHttp(int port) throws IOException {
    HttpServer http = HttpServer.create(new InetSocketAddress("127.0.0.1", port), 0);
    http.setExecutor(Executors.newCachedThreadPool());
    http.createContext("/api/event", events::stream);
    http.createContext("/api/clients", this::answer);
    http.start();
    return http.getAddress().getPort();
  }

  private void answer(HttpExchange exchange) throws IOException {
    try {
      reply(exchange, 200, respond(exchange));
    } catch (IllegalArgumentException | InvalidRequestException refused) {
      reply(exchange, 400, Json.error(refused.getMessage()));
    } catch (TimeoutException late) {
      reply(exchange, 504, Json.error(late.getMessage()));
    } catch (Exception failure) {
      reply(exchange, 500, Json.error(failure.toString()));
    }
  }

  private JsonNode respond(HttpExchange exchange) throws Exception {
    List<String> segments =
        Arrays.stream(exchange.getRequestURI().getRawPath().substring("/api/clients".length()).split("/"))
            .filter(segment -> !segment.isEmpty())
            .map(segment -> URLDecoder.decode(segment, StandardCharsets.UTF_8))
            .toList();
    if (segments.isEmpty()) {
      ArrayNode clients = Json.MAPPER.createArrayNode();
      server.getRegistrationService().getAllRegistrations().forEachRemaining(one -> clients.add(Json.of(one)));
      return clients;
    }
    Registration client = server.getRegistrationService().getByEndpoint(segments.get(0));
    if (client == null) throw new IllegalArgumentException("no client is registered as " + segments.get(0));
    if (segments.size() == 1) return Json.of(client);

    Map<String, String> query = queryOf(exchange);
    byte[] body = exchange.getRequestBody().readAllBytes();
    boolean hasVerb = !Character.isDigit(segments.get(segments.size() - 1).charAt(0));
    String verb = hasVerb ? segments.get(segments.size() - 1) : "";
    String path = "/" + String.join("/", segments.subList(1, segments.size() - (hasVerb ? 1 : 0)));
    String what = exchange.getRequestMethod() + " " + (path.startsWith("/composite") ? "composite " : "") + verb;
    if (what.equals("DELETE observe") && !query.containsKey("active")) {
      int cancelled = server.getObservationService().cancelObservations(client, path);
      return Json.MAPPER.createObjectNode().put("cancelled", cancelled);
    }
    long timeoutMs = query.containsKey("timeout") ? Long.parseLong(query.get("timeout")) * 1000 : TIMEOUT_MS;
    DownlinkDeviceManagementRequest<?> request = requestFor(what.trim(), client, path, query, body);
    LwM2mResponse response = server.send(client, request, timeoutMs);
    if (response == null) throw new TimeoutException("no answer within " + timeoutMs + " ms");
    if (request instanceof CancelObservationRequest cancel && response.isSuccess()) {
      server.getObservationService().cancelObservation(cancel.getObservation());
    }
    return Json.of(response);
  }

  private DownlinkDeviceManagementRequest<?> requestFor(
      String what, Registration client, String path, Map<String, String> query, byte[] body) throws Exception {
    ContentFormat format = formatOf(query, "format");
    ContentFormat pathFormat = formatOf(query, "pathformat");
    ContentFormat nodeFormat = formatOf(query, "nodeformat");
    String[] paths = query.getOrDefault("paths", "").split(",");
    switch (what) {
      case "GET":
        return new ReadRequest(format, path);
      case "GET discover":
        return new DiscoverRequest(path);
      case "PUT":
        Mode mode = "false".equals(query.get("replace")) ? Mode.UPDATE : Mode.REPLACE;
        return new WriteRequest(mode, format, path, Json.nodeOf(Json.MAPPER.readTree(body)));
      case "PUT attributes":
        String attributes = new String(body, StandardCharsets.UTF_8);
        return new WriteAttributesRequest(
            path, new LwM2mAttributeSet(new DefaultLwM2mAttributeParser().parseUriQuery(attributes)));
      case "POST":
        return new LwM2mPath(path).isResource()
            ? new ExecuteRequest(path, body.length == 0 ? null : new String(body, StandardCharsets.UTF_8))
            : new CreateRequest(format, path, (LwM2mObjectInstance) Json.nodeOf(Json.MAPPER.readTree(body)));
      case "POST observe":
        return new ObserveRequest(format, path);
      case "DELETE":
        return new DeleteRequest(path);
      case "DELETE observe":
        return new CancelObservationRequest(observationOf(client, path));
      case "GET composite":
        return new ReadCompositeRequest(pathFormat, nodeFormat, paths);
      case "PUT composite":
        Map<LwM2mPath, LwM2mNode> nodes = new HashMap<>();
        Json.MAPPER.readTree(body).fields().forEachRemaining(
            entry -> nodes.put(new LwM2mPath(entry.getKey()), Json.nodeOf(entry.getValue())));
        return new WriteCompositeRequest(nodeFormat, nodes, null);
      case "POST composite observe":
        return new ObserveCompositeRequest(pathFormat, nodeFormat, paths);
      default:
        throw new IllegalArgumentException("no such operation: " + what);
    }
  }

  private SingleObservation observationOf(Registration client, String path) {
    return server.getObservationService().getObservations(client).stream()
        .filter(SingleObservation.class::isInstance)
        .map(SingleObservation.class::cast)
        .filter(observation -> observation.getPath().equals(new LwM2mPath(path)))
        .findFirst()
        .orElseThrow(() -> new IllegalArgumentException("no observation of " + path));
  }

  private static Map<String, String> queryOf(HttpExchange exchange) {
    Map<String, String> query = new HashMap<>();
    String raw = exchange.getRequestURI().getRawQuery();
    for (String pair : raw == null ? new String[0] : raw.split("&")) {
      String[] parts = pair.split("=", 2);
      query.put(parts[0], parts.length == 1 ? "" : URLDecoder.decode(parts[1], StandardCharsets.UTF_8));
    }
    return query;
  }

  private static ContentFormat formatOf(Map<String, String> query, String name) {
    String format = query.get(name);
    return format == null ? null : ContentFormat.fromName(format);
  }

  private static void reply(HttpExchange exchange, int status, JsonNode body) throws IOException {
    byte[] bytes = Json.MAPPER.writeValueAsBytes(body);
    exchange.getResponseHeaders().set("Content-Type", "application/json");
    exchange.sendResponseHeaders(status, bytes.length);
    try (OutputStream out = exchange.getResponseBody()) {
      out.write(bytes);
    }
  }
}
