import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Collection;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Supplier;
import org.eclipse.leshan.core.link.LinkParseException;
import org.eclipse.leshan.core.model.LwM2mModel;
import org.eclipse.leshan.core.model.ObjectModel;
import org.eclipse.leshan.core.model.ResourceModel;
import org.eclipse.leshan.core.model.ResourceModel.Operations;
import org.eclipse.leshan.core.model.ResourceModel.Type;
import org.eclipse.leshan.core.node.LwM2mNode;
import org.eclipse.leshan.core.node.LwM2mPath;
import org.eclipse.leshan.core.node.TimestampedLwM2mNode;
import org.eclipse.leshan.core.node.codec.DefaultLwM2mDecoder;
import org.eclipse.leshan.core.node.codec.DefaultLwM2mEncoder;
import org.eclipse.leshan.core.node.codec.LwM2mDecoder;
import org.eclipse.leshan.core.node.codec.LwM2mEncoder;
import org.eclipse.leshan.core.request.ContentFormat;
import org.eclipse.leshan.core.util.Hex;

/**
 * Leshan's codecs without a server: each line of JSON on the standard input is a task, and one line of JSON on the
 * standard output its outcome. A task has the {@code format}, the {@code root} before all names, the {@code path}, the
 * {@code resources} that are known, and {@code data} of a {@code kind} to be written ({@code node}, {@code nodes} by
 * path, {@code history}, {@code paths}), or {@code bytes} to be read as such.
 */
public final class LeshanCodec {
  private static final LwM2mEncoder ENCODER = new DefaultLwM2mEncoder();
  private static final LwM2mDecoder DECODER = new DefaultLwM2mDecoder();

  private LeshanCodec() {}

  public static void main(String[] args) throws IOException {
    BufferedReader input = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
    for (String line = input.readLine(); line != null; line = input.readLine()) {
      System.out.println(outcome(Json.MAPPER.readTree(line)));
    }
  }

  private static JsonNode outcome(JsonNode json) {
    try {
      Task task = new Task(json);
      switch (json.path("do").asText()) {
        case "encode":
          return Json.MAPPER.createObjectNode().put("bytes", Hex.encodeHexString(task.encode(task.data())));
        case "decode":
          return task.shown(task.decode());
        case "links":
          return Json.MAPPER.createObjectNode()
              .put("links", Json.linkFormat(Json.linksOf(json.path("links").asText())));
        case "measure":
          return task.measured();
        default:
          return Json.error("no such task");
      }
    } catch (LinkParseException | RuntimeException refused) {
      return Json.error(refused.toString());
    }
  }

  /** Results go here, so that the compiler cannot leave out what nobody looks at. */
  private static volatile Object result;

  /** One task; what it writes or reads is data of one {@link #kind}. */
  private static final class Task {
    private final JsonNode json;
    private final String kind;
    private final ContentFormat format;
    private final String root;
    private final LwM2mPath path;
    private final LwM2mModel model;
    private final byte[] bytes;

    Task(JsonNode json) {
      this.json = json;
      kind = json.path("kind").asText();
      format = ContentFormat.fromCode(json.path("format").asInt());
      root = json.path("root").asText(null);
      path = json.has("path") ? new LwM2mPath(json.get("path").asText()) : null;
      model = new Resources(json.path("resources"));
      bytes = Hex.decodeHex(json.path("bytes").asText().toCharArray());
    }

    /** What the task wants to be written. */
    Object data() {
      JsonNode data = json.path("data");
      switch (kind) {
        case "node":
          return Json.nodeOf(data);
        case "nodes":
          Map<LwM2mPath, LwM2mNode> nodes = new LinkedHashMap<>();
          data.fields().forEachRemaining(
              entry -> nodes.put(new LwM2mPath(entry.getKey()), Json.nodeOf(entry.getValue())));
          return nodes;
        case "history":
          List<TimestampedLwM2mNode> history = new ArrayList<>();
          for (JsonNode one : data) {
            Instant at = one.hasNonNull("at") ? Instant.ofEpochMilli(one.get("at").asLong()) : null;
            history.add(new TimestampedLwM2mNode(at, Json.nodeOf(one.get("content"))));
          }
          return history;
        default:
          return paths(data);
      }
    }

    private List<LwM2mPath> paths(JsonNode texts) {
      List<LwM2mPath> paths = new ArrayList<>();
      texts.forEach(text -> paths.add(new LwM2mPath(text.asText())));
      return paths;
    }

    @SuppressWarnings("unchecked")
    byte[] encode(Object data) {
      switch (kind) {
        case "node":
          return ENCODER.encode((LwM2mNode) data, format, root, path, model);
        case "nodes":
          return ENCODER.encodeNodes((Map<LwM2mPath, LwM2mNode>) data, format, root, model);
        case "history":
          return ENCODER.encodeTimestampedData((List<TimestampedLwM2mNode>) data, format, root, path, model);
        default:
          return ENCODER.encodePaths((List<LwM2mPath>) data, format, root);
      }
    }

    Object decode() {
      switch (kind) {
        case "node":
          return DECODER.decode(bytes, format, root, path, model);
        case "nodes":
          return DECODER.decodeNodes(bytes, format, root, paths(json.path("data")), model);
        case "history":
          return DECODER.decodeTimestampedData(bytes, format, root, path, model);
        default:
          return DECODER.decodePaths(bytes, format, root);
      }
    }

    @SuppressWarnings("unchecked")
    JsonNode shown(Object data) {
      ObjectNode shown = Json.MAPPER.createObjectNode();
      switch (kind) {
        case "node":
          return shown.set("data", Json.of((LwM2mNode) data));
        case "nodes":
          return shown.set("data", Json.of((Map<LwM2mPath, LwM2mNode>) data));
        case "history":
          ArrayNode history = shown.putArray("data");
          for (TimestampedLwM2mNode one : (List<TimestampedLwM2mNode>) data) {
            history.addObject().put("at", Json.millis(one.getTimestamp())).set("content", Json.of(one.getNode()));
          }
          return shown;
        default:
          ArrayNode paths = shown.putArray("data");
          ((List<LwM2mPath>) data).forEach(one -> paths.add(one.toString()));
          return shown;
      }
    }

    /** How many bytes Leshan writes, and nanoseconds per call, the best of several rounds. */
    JsonNode measured() {
      Object data = data();
      return Json.MAPPER.createObjectNode()
          .put("size", encode(data).length)
          .put("encodeNs", nanoseconds(() -> encode(data)))
          .put("decodeNs", nanoseconds(this::decode));
    }

    private double nanoseconds(Supplier<Object> call) {
      long roundNs = json.path("roundMs").asLong() * 1_000_000;
      double best = Double.MAX_VALUE;
      for (int round = 0; round < json.path("rounds").asInt(); round++) {
        long start = System.nanoTime();
        long elapsed = 0;
        long calls = 0;
        for (; elapsed < roundNs; elapsed = System.nanoTime() - start) {
          for (int i = 0; i < 20; i++) result = call.get();
          calls += 20;
        }
        best = Math.min(best, (double) elapsed / calls);
      }
      return best;
    }
  }

  /** What is known of resources: {@code {"3303/5700": {"type": "FLOAT", "multiple": false}}}. */
  private record Resources(JsonNode known) implements LwM2mModel {
    @Override
    public ResourceModel getResourceModel(int object, int resource) {
      JsonNode one = known.get(object + "/" + resource);
      if (one == null) return null;
      Type type = Type.valueOf(one.path("type").asText());
      boolean multiple = one.path("multiple").asBoolean();
      return new ResourceModel(resource, "", Operations.RW, multiple, false, type, "", "", "");
    }

    @Override
    public ObjectModel getObjectModel(int object) {
      return null;
    }

    @Override
    public Collection<ObjectModel> getObjectModels() {
      return List.of();
    }
  }
}
