import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import com.sun.net.httpserver.HttpExchange;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.time.Instant;
import java.util.Collection;
import java.util.List;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import org.eclipse.leshan.core.node.TimestampedLwM2mNode;
import org.eclipse.leshan.core.node.TimestampedLwM2mNodes;
import org.eclipse.leshan.core.observation.CompositeObservation;
import org.eclipse.leshan.core.observation.Observation;
import org.eclipse.leshan.core.observation.SingleObservation;
import org.eclipse.leshan.core.request.SendRequest;
import org.eclipse.leshan.core.response.ObserveCompositeResponse;
import org.eclipse.leshan.core.response.ObserveResponse;
import org.eclipse.leshan.server.LeshanServer;
import org.eclipse.leshan.server.observation.ObservationListener;
import org.eclipse.leshan.server.queue.PresenceListener;
import org.eclipse.leshan.server.registration.Registration;
import org.eclipse.leshan.server.registration.RegistrationListener;
import org.eclipse.leshan.server.registration.RegistrationUpdate;
import org.eclipse.leshan.server.send.SendListener;

/** What happens at the server, as server-sent events: the names and most fields are those of Leshan's demo server. */
final class Events {
  private final Set<OutputStream> listeners = ConcurrentHashMap.newKeySet();

  Events(LeshanServer server) {
    server.getRegistrationService().addListener(new Registrations());
    server.getObservationService().addListener(new Notifications());
    server.getSendService().addListener(new Sends());
    server.getPresenceService().addListener(new Presence());
  }

  void stream(HttpExchange exchange) throws IOException {
    exchange.getResponseHeaders().set("Content-Type", "text/event-stream");
    exchange.sendResponseHeaders(200, 0);
    OutputStream out = exchange.getResponseBody();
    listeners.add(out);
    write(out, ": open\n\n"); // the headers leave with the first byte
  }

  private void emit(String event, ObjectNode data) {
    listeners.forEach(out -> write(out, "event: " + event + "\ndata: " + data + "\n\n"));
  }

  private void write(OutputStream out, String text) {
    synchronized (out) {
      try {
        out.write(text.getBytes(StandardCharsets.UTF_8));
        out.flush();
      } catch (IOException gone) {
        listeners.remove(out);
      }
    }
  }

  private final class Registrations implements RegistrationListener {
    @Override
    public void registered(Registration client, Registration previous, Collection<Observation> observations) {
      emit("REGISTRATION", Json.of(client));
    }

    @Override
    public void updated(RegistrationUpdate update, Registration client, Registration previous) {
      emit("UPDATED", Json.MAPPER.createObjectNode().set("registration", Json.of(client)));
    }

    @Override
    public void unregistered(
        Registration client, Collection<Observation> observations, boolean expired, Registration next) {
      // a client that registers anew is not gone
      if (next == null) emit("DEREGISTRATION", Json.of(client).put("expired", expired));
    }
  }

  /** Of clients in queue mode. */
  private final class Presence implements PresenceListener {
    @Override
    public void onSleeping(Registration client) {
      emit("SLEEPING", Json.of(client));
    }

    @Override
    public void onAwake(Registration client) {
      emit("AWAKE", Json.of(client));
    }
  }

  private final class Notifications implements ObservationListener {
    @Override
    public void newObservation(Observation observation, Registration client) {}

    @Override
    public void cancelled(Observation observation) {}

    @Override
    public void onResponse(SingleObservation observation, Registration client, ObserveResponse response) {
      ObjectNode event = notification(client, "single").put("res", observation.getPath().toString());
      event.setAll(Json.of(response));
      List<TimestampedLwM2mNode> history = response.getTimestampedLwM2mNodes();
      if (history != null) {
        ArrayNode values = event.putArray("history");
        history.forEach(one -> values.addObject().put("at", Json.millis(one.getTimestamp())).set("content", Json.of(one.getNode())));
      }
      emit("NOTIFICATION", event);
    }

    @Override
    public void onResponse(CompositeObservation observation, Registration client, ObserveCompositeResponse response) {
      ObjectNode event = notification(client, "composite");
      event.setAll(Json.of(response));
      ArrayNode paths = event.putArray("paths");
      observation.getPaths().forEach(path -> paths.add(path.toString()));
      emit("NOTIFICATION", event);
    }

    @Override
    public void onError(Observation observation, Registration client, Exception error) {
      ObjectNode event = client == null ? Json.MAPPER.createObjectNode() : notification(client, "error");
      emit("NOTIFICATION_ERROR", event.put("error", error + ": " + error.getCause()));
    }

    private ObjectNode notification(Registration client, String kind) {
      return Json.MAPPER.createObjectNode().put("ep", client.getEndpoint()).put("kind", kind);
    }
  }

  private final class Sends implements SendListener {
    @Override
    public void dataReceived(Registration client, TimestampedLwM2mNodes data, SendRequest request) {
      ObjectNode event = Json.MAPPER.createObjectNode().put("ep", client.getEndpoint());
      ArrayNode values = event.putArray("history");
      for (Instant at : data.getTimestamps()) {
        values.addObject().put("at", Json.millis(at)).set("content", Json.of(data.getNodesAt(at)));
      }
      emit("SEND", event);
    }

    @Override
    public void onError(Registration client, String message, Exception error) {
      emit("SEND_ERROR", Json.error(message).put("ep", client == null ? null : client.getEndpoint()));
    }
  }
}
