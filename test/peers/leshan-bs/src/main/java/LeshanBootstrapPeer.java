import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;
import java.util.EnumSet;
import org.eclipse.leshan.core.endpoint.Protocol;
import org.eclipse.leshan.core.peer.LwM2mPeer;
import org.eclipse.leshan.core.request.BindingMode;
import org.eclipse.leshan.core.request.BootstrapDownlinkRequest;
import org.eclipse.leshan.core.request.BootstrapRequest;
import org.eclipse.leshan.core.response.LwM2mResponse;
import org.eclipse.leshan.server.bootstrap.BootstrapConfig;
import org.eclipse.leshan.server.bootstrap.BootstrapConfig.ServerConfig;
import org.eclipse.leshan.server.bootstrap.BootstrapConfig.ServerSecurity;
import org.eclipse.leshan.server.bootstrap.BootstrapFailureCause;
import org.eclipse.leshan.server.bootstrap.BootstrapSession;
import org.eclipse.leshan.server.bootstrap.BootstrapSessionListener;
import org.eclipse.leshan.server.bootstrap.InMemoryBootstrapConfigStore;
import org.eclipse.leshan.server.bootstrap.LeshanBootstrapServer;
import org.eclipse.leshan.server.bootstrap.LeshanBootstrapServerBuilder;
import org.eclipse.leshan.server.californium.bootstrap.endpoint.CaliforniumBootstrapServerEndpointsProvider;
import org.eclipse.leshan.server.californium.bootstrap.endpoint.coap.CoapBootstrapServerProtocolProvider;
import org.eclipse.leshan.server.californium.bootstrap.endpoint.coaps.CoapsBootstrapServerProtocolProvider;

/**
 * Leshan's Bootstrap-Server for tests, on 127.0.0.1. Reads one line of JSON from the standard input ({@code endpoint},
 * {@code servers: [{id, uri, lifetime}]} with what {@link Credentials} has of them, {@code delete: [path]}, and
 * {@code security} when it is to listen over DTLS), prints {@code ready <port>} and then a line for each thing that
 * happens; ends when the standard input closes.
 */
public final class LeshanBootstrapPeer {
  public static void main(String[] args) throws Exception {
    BufferedReader input = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
    JsonNode options = new ObjectMapper().readTree(input.readLine());
    InMemoryBootstrapConfigStore store = new InMemoryBootstrapConfigStore();
    store.add(options.path("endpoint").asText(), configOf(options));
    JsonNode security = options.path("security");
    Protocol protocol = security.isMissingNode() ? Protocol.COAP : Protocol.COAPS;
    LeshanBootstrapServerBuilder builder =
        new LeshanBootstrapServerBuilder()
            .setConfigStore(store)
            .setEndpointsProviders(
                new CaliforniumBootstrapServerEndpointsProvider.Builder(
                        security.isMissingNode()
                            ? new CoapBootstrapServerProtocolProvider()
                            : new CoapsBootstrapServerProtocolProvider())
                    .addEndpoint(new InetSocketAddress("127.0.0.1", 0), protocol)
                    .build());
    if (!security.isMissingNode()) Credentials.secure(builder, security);
    LeshanBootstrapServer server = builder.build();
    server.addListener(new Teller());
    server.start();
    System.out.println("ready " + server.getEndpoint(protocol).getURI().getPort());
    while (input.read() != -1) {} // nothing more is expected
    System.exit(0);
  }

  private static BootstrapConfig configOf(JsonNode options) {
    BootstrapConfig config = new BootstrapConfig();
    // It asks what instances there are, and takes free ones.
    config.autoIdForSecurityObject = true;
    options.path("delete").forEach(path -> config.toDelete.add(path.asText()));
    for (JsonNode one : options.path("servers")) {
      int id = one.path("id").asInt();
      ServerSecurity security = new ServerSecurity();
      security.uri = one.path("uri").asText();
      security.serverId = id;
      Credentials.tell(security, one);
      config.security.put(id, security);
      ServerConfig server = new ServerConfig();
      server.shortId = id;
      server.lifetime = one.path("lifetime").asInt();
      server.binding = EnumSet.of(BindingMode.U);
      config.servers.put(id, server);
    }
    return config;
  }

  /** What happens, as lines. */
  private static final class Teller implements BootstrapSessionListener {
    private void tell(String what) {
      System.out.println(what);
    }

    @Override
    public void sessionInitiated(BootstrapRequest request, LwM2mPeer client) {
      tell("begun " + request.getEndpointName());
    }

    @Override
    public void unAuthorized(BootstrapRequest request, LwM2mPeer client) {
      tell("refused " + request.getEndpointName());
    }

    @Override
    public void authorized(BootstrapSession session) {}

    @Override
    public void noConfig(BootstrapSession session) {
      tell("unknown " + session.getEndpoint());
    }

    @Override
    public void sendRequest(BootstrapSession session, BootstrapDownlinkRequest<? extends LwM2mResponse> request) {}

    @Override
    public void onResponseSuccess(
        BootstrapSession session, BootstrapDownlinkRequest<? extends LwM2mResponse> request, LwM2mResponse response) {
      tell("done " + request.getClass().getSimpleName() + " " + request.getPath() + " " + response.getCode());
    }

    @Override
    public void onResponseError(
        BootstrapSession session, BootstrapDownlinkRequest<? extends LwM2mResponse> request, LwM2mResponse response) {
      tell("failed " + request.getClass().getSimpleName() + " " + request.getPath() + " " + response.getCode());
    }

    @Override
    public void onRequestFailure(
        BootstrapSession session, BootstrapDownlinkRequest<? extends LwM2mResponse> request, Throwable cause) {
      tell("failed " + request.getClass().getSimpleName() + " " + request.getPath() + " " + cause);
    }

    @Override
    public void end(BootstrapSession session) {
      tell("finished " + session.getEndpoint());
    }

    @Override
    public void failed(BootstrapSession session, BootstrapFailureCause cause) {
      tell("ended " + session.getEndpoint() + " " + cause);
    }
  }
}
