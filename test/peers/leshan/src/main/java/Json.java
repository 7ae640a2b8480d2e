import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.nio.charset.StandardCharsets;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Date;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.eclipse.californium.core.coap.Response;
import org.eclipse.leshan.core.link.DefaultLinkParser;
import org.eclipse.leshan.core.link.DefaultLinkSerializer;
import org.eclipse.leshan.core.link.Link;
import org.eclipse.leshan.core.link.LinkParseException;
import org.eclipse.leshan.core.model.ResourceModel.Type;
import org.eclipse.leshan.core.node.LwM2mMultipleResource;
import org.eclipse.leshan.core.node.LwM2mNode;
import org.eclipse.leshan.core.node.LwM2mObject;
import org.eclipse.leshan.core.node.LwM2mObjectInstance;
import org.eclipse.leshan.core.node.LwM2mPath;
import org.eclipse.leshan.core.node.LwM2mResource;
import org.eclipse.leshan.core.node.LwM2mResourceInstance;
import org.eclipse.leshan.core.node.LwM2mRoot;
import org.eclipse.leshan.core.node.LwM2mSingleResource;
import org.eclipse.leshan.core.node.ObjectLink;
import org.eclipse.leshan.core.node.TimestampedLwM2mNode;
import org.eclipse.leshan.core.response.CreateResponse;
import org.eclipse.leshan.core.response.DiscoverResponse;
import org.eclipse.leshan.core.response.LwM2mResponse;
import org.eclipse.leshan.core.response.ReadCompositeResponse;
import org.eclipse.leshan.core.response.ReadResponse;
import org.eclipse.leshan.core.util.Hex;
import org.eclipse.leshan.core.util.datatype.ULong;
import org.eclipse.leshan.server.registration.Registration;

/** LwM2M data as JSON and back. */
final class Json {
  static final ObjectMapper MAPPER = new ObjectMapper();

  private Json() {}

  static ObjectNode error(String message) {
    return MAPPER.createObjectNode().put("error", message);
  }

  static Long millis(Instant at) {
    return at == null ? null : at.toEpochMilli();
  }

  static ObjectNode of(Registration client) {
    ObjectNode json =
        MAPPER.createObjectNode()
            .put("endpoint", client.getEndpoint())
            .put("registrationId", client.getId())
            .put("lifetime", client.getLifeTimeInSec())
            .put("lwM2mVersion", client.getLwM2mVersion().toString())
            .put("bindingMode", String.valueOf(client.getBindingMode()))
            .put("queueMode", client.usesQueueMode())
            .put("address", client.getAddress().getHostAddress() + ":" + client.getPort())
            .put("rootPath", client.getRootPath())
            .put("objectLinks", linkFormat(client.getSortedObjectLinks()));
    ArrayNode formats = json.putArray("contentFormats");
    client.getSupportedContentFormats().forEach(format -> formats.add(format.getCode()));
    ArrayNode instances = json.putArray("instances");
    client.getAvailableInstances().stream().sorted().forEach(path -> instances.add(path.toString()));
    ObjectNode attributes = json.putObject("attributes");
    client.getAdditionalRegistrationAttributes().forEach(attributes::put);
    return json;
  }

  static ObjectNode of(LwM2mResponse response) {
    ObjectNode json = MAPPER.createObjectNode();
    int code = response.getCode().getCode();
    json.put("code", code / 100 + "." + (code % 100 < 10 ? "0" : "") + code % 100);
    json.put("status", response.getCode().getName()).put("success", response.isSuccess());
    if (response.getErrorMessage() != null) json.put("errormessage", response.getErrorMessage());
    if (response.getCoapResponse() instanceof Response coap && coap.getOptions().hasContentFormat()) {
      json.put("format", coap.getOptions().getContentFormat()).put("payloadSize", coap.getPayloadSize());
    }
    if (!response.isSuccess()) return json;
    if (response instanceof ReadResponse read) {
      json.set("content", of(read.getContent()));
      TimestampedLwM2mNode stamped = read.getTimestampedLwM2mNode();
      if (stamped != null && stamped.isTimestamped()) json.put("at", millis(stamped.getTimestamp()));
    }
    if (response instanceof ReadCompositeResponse read) json.set("content", of(read.getContent()));
    if (response instanceof DiscoverResponse found) json.put("objectLinks", linkFormat(found.getObjectLinks()));
    if (response instanceof CreateResponse created) json.put("location", created.getLocation());
    return json;
  }

  static String linkFormat(Link[] links) {
    return new DefaultLinkSerializer().serializeCoreLinkFormat(links);
  }

  static Link[] linksOf(String text) throws LinkParseException {
    return new DefaultLinkParser().parseCoreLinkFormat(text.getBytes(StandardCharsets.UTF_8));
  }

  static ObjectNode of(Map<LwM2mPath, LwM2mNode> nodes) {
    ObjectNode json = MAPPER.createObjectNode();
    nodes.forEach((path, node) -> json.set(path.toString(), of(node)));
    return json;
  }

  static JsonNode of(LwM2mNode node) {
    ObjectNode json = MAPPER.createObjectNode();
    if (node instanceof LwM2mRoot root) {
      ArrayNode objects = json.put("kind", "root").putArray("objects");
      root.getObjects().values().forEach(object -> objects.add(of(object)));
    } else if (node instanceof LwM2mObject object) {
      ArrayNode instances = json.put("kind", "obj").put("id", object.getId()).putArray("instances");
      object.getInstances().values().forEach(instance -> instances.add(of(instance)));
    } else if (node instanceof LwM2mObjectInstance instance) {
      ArrayNode resources = json.put("kind", "instance").put("id", instance.getId()).putArray("resources");
      instance.getResources().values().forEach(resource -> resources.add(of(resource)));
    } else if (node instanceof LwM2mResource resource && resource.isMultiInstances()) {
      json.put("kind", "multiResource").put("id", resource.getId()).put("type", resource.getType().name());
      ObjectNode values = json.putObject("values");
      resource.getInstances().forEach((id, one) -> values.set(String.valueOf(id), MAPPER.valueToTree(plain(one.getValue()))));
    } else if (node instanceof LwM2mResource resource) {
      json.put("kind", "singleResource").put("id", resource.getId()).put("type", resource.getType().name());
      json.set("value", MAPPER.valueToTree(plain(resource.getValue())));
    } else if (node instanceof LwM2mResourceInstance one) {
      json.put("kind", "resourceInstance").put("id", one.getId()).put("type", one.getType().name());
      json.set("value", MAPPER.valueToTree(plain(one.getValue())));
    } else {
      return MAPPER.nullNode();
    }
    return json;
  }

  /** Integers become text (JavaScript numbers cannot hold 64 bits), opaque hex, times ms, object links {@code 3:0}. */
  static Object plain(Object value) {
    if (value instanceof byte[] bytes) return Hex.encodeHexString(bytes);
    if (value instanceof Date date) return date.getTime();
    if (value instanceof Long || value instanceof ULong) return value.toString();
    if (value instanceof ObjectLink link) return link.encodeToString();
    if (value instanceof Link[] links) return linkFormat(links);
    return value;
  }

  static LwM2mNode nodeOf(JsonNode json) {
    int id = json.path("id").asInt(LwM2mObjectInstance.UNDEFINED);
    Type type = json.has("type") ? Type.valueOf(json.get("type").asText()) : Type.NONE;
    switch (json.path("kind").asText()) {
      case "obj":
        List<LwM2mObjectInstance> instances = new ArrayList<>();
        json.path("instances").forEach(instance -> instances.add((LwM2mObjectInstance) nodeOf(instance)));
        return new LwM2mObject(id, instances);
      case "instance":
        List<LwM2mResource> resources = new ArrayList<>();
        json.path("resources").forEach(resource -> resources.add((LwM2mResource) nodeOf(resource)));
        return json.has("id") ? new LwM2mObjectInstance(id, resources) : new LwM2mObjectInstance(resources);
      case "multiResource":
        Map<Integer, Object> values = new HashMap<>();
        json.path("values").fields().forEachRemaining(
            entry -> values.put(Integer.valueOf(entry.getKey()), typed(type, entry.getValue())));
        return LwM2mMultipleResource.newResource(id, values, type);
      case "singleResource":
        return LwM2mSingleResource.newResource(id, typed(type, json.path("value")), type);
      case "resourceInstance":
        return LwM2mResourceInstance.newInstance(id, typed(type, json.path("value")), type);
      default:
        throw new IllegalArgumentException("not a node: " + json);
    }
  }

  static Object typed(Type type, JsonNode value) {
    switch (type) {
      case STRING:
        return value.asText();
      case INTEGER:
        return Long.valueOf(value.asText());
      case UNSIGNED_INTEGER:
        return ULong.valueOf(value.asText());
      case FLOAT:
        return value.asDouble();
      case BOOLEAN:
        return value.asBoolean();
      case TIME:
        return new Date(value.asLong());
      case OPAQUE:
        return Hex.decodeHex(value.asText().toCharArray());
      case CORELINK:
        try {
          return linksOf(value.asText());
        } catch (LinkParseException bad) {
          throw new IllegalArgumentException(bad);
        }
      case OBJLNK:
        return ObjectLink.decodeFromString(value.asText());
      default:
        throw new IllegalArgumentException("no values of type " + type);
    }
  }
}
