package breakwater;

import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.io.OutputStream;
import java.io.PrintStream;
import java.math.BigDecimal;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

import org.springframework.boot.SpringApplication;
import org.springframework.boot.WebApplicationType;
import org.springframework.boot.context.event.ApplicationEnvironmentPreparedEvent;
import org.springframework.boot.context.properties.bind.BindResult;
import org.springframework.boot.context.properties.bind.Bindable;
import org.springframework.boot.context.properties.bind.Binder;
import org.springframework.context.ApplicationListener;
import org.springframework.core.Ordered;
import org.springframework.core.env.ConfigurableEnvironment;
import org.springframework.core.env.MapPropertySource;
import org.springframework.core.env.MutablePropertySources;
import org.springframework.core.env.StandardEnvironment;
import org.springframework.core.env.SystemEnvironmentPropertySource;
import org.springframework.util.unit.DataSize;

import tools.jackson.databind.JsonNode;
import tools.jackson.databind.ObjectMapper;

/**
 * Reads one case a line from standard input, starts a Spring application with its folder, variables and arguments as
 * far as its environment, and answers the case's questions in one line.
 */
public class SettingsAsker {
    private static final ObjectMapper JSON = new ObjectMapper();

    public static void main(String[] args) throws Exception {
        PrintStream answers = new PrintStream(System.out, true, StandardCharsets.UTF_8);
        // What Spring prints about a failed start is no answer.
        System.setOut(new PrintStream(OutputStream.nullOutputStream()));
        System.setProperty("org.springframework.boot.logging.LoggingSystem", "none");
        BufferedReader lines = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
        for (String line = lines.readLine(); line != null; line = lines.readLine()) {
            answers.println(JSON.writeValueAsString(answer(JSON.readTree(line))));
        }
    }

    private static Map<String, Object> answer(JsonNode asked) {
        try {
            ConfigurableEnvironment environment = start(asked);
            List<Object> answers = new ArrayList<>();
            for (JsonNode question : asked.get("questions")) {
                answers.add(answer(environment, question.get("kind").asString(), question.get("key").asString()));
            }
            return Map.of("answers", answers);
        } catch (Throwable failure) {
            return Map.of("refused", reason(failure));
        }
    }

    private static ConfigurableEnvironment start(JsonNode asked) {
        SpringApplication application = new SpringApplication(SettingsAsker.class);
        application.setWebApplicationType(WebApplicationType.NONE);
        application.setRegisterShutdownHook(false);
        // The folder of this process is not the folder of the case.
        String folder = "optional:file:" + asked.get("folder").asString();
        application.setDefaultProperties(Map.of("spring.config.location", folder + "/;" + folder + "/config/;" + folder + "/config/*/",
            "spring.application.name", "users"));
        application.addListeners(new Variables(asked.get("env")), new Caught());
        List<String> args = new ArrayList<>();
        asked.get("args").forEach(arg -> args.add(arg.asString()));
        try {
            application.run(args.toArray(String[]::new));
        } catch (Caught.Environment caught) {
            return caught.environment;
        }
        throw new IllegalStateException("the application went past its environment");
    }

    private static Object answer(ConfigurableEnvironment environment, String kind, String key) {
        try {
            Binder binder = Binder.get(environment);
            return switch (kind) {
                case "profiles" -> List.of(environment.getActiveProfiles().length == 0
                    ? environment.getDefaultProfiles() : environment.getActiveProfiles());
                case "get" -> optional(environment.getProperty(key));
                case "map" -> new TreeMap<>(bound(binder, key, Bindable.mapOf(String.class, String.class), Map.of()));
                case "tree" -> flat(bound(binder, key, Bindable.mapOf(String.class, Object.class), Map.of()));
                case "list" -> bound(binder, key, Bindable.listOf(String.class), List.of());
                case "integer" -> number(bound(binder, key, Bindable.of(Long.class), null));
                case "number" -> number(bound(binder, key, Bindable.of(Double.class), null));
                case "boolean" -> optional(bound(binder, key, Bindable.of(Boolean.class), null));
                case "duration" -> milliseconds(bound(binder, key, Bindable.of(Duration.class), null));
                case "bytes" -> bytes(bound(binder, key, Bindable.of(DataSize.class), null));
                default -> throw new IllegalArgumentException(kind);
            };
        } catch (Exception failure) {
            return Map.of("error", reason(failure));
        }
    }

    private static <T> T bound(Binder binder, String key, Bindable<T> target, T otherwise) {
        BindResult<T> result = binder.bind(key, target);
        return result.isBound() ? result.get() : otherwise;
    }

    private static Object optional(Object value) {
        return value == null ? Map.of("unset", true) : value;
    }

    private static Object number(Number value) {
        if (value == null) return optional(null);
        boolean finite = Double.isFinite(value.doubleValue());
        return finite ? new BigDecimal(value.toString()).stripTrailingZeros().toPlainString() : value.toString();
    }

    private static Object milliseconds(Duration value) {
        if (value == null) return optional(null);
        BigDecimal nanos = BigDecimal.valueOf(value.getSeconds()).movePointRight(9).add(BigDecimal.valueOf(value.getNano()));
        return nanos.movePointLeft(6).stripTrailingZeros().toPlainString();
    }

    private static Object bytes(DataSize value) {
        return value == null ? optional(null) : String.valueOf(value.toBytes());
    }

    /** Nested maps by paths, so that a list and a map of numbers are the same. */
    private static Map<String, String> flat(Map<String, Object> tree) {
        Map<String, String> texts = new TreeMap<>();
        tree.forEach((name, value) -> flatten(name, value, texts));
        return texts;
    }

    private static void flatten(String path, Object value, Map<String, String> into) {
        if (value instanceof Map<?, ?> map) {
            map.forEach((name, inner) -> flatten(path + " > " + name, inner, into));
        } else {
            into.put(path, String.valueOf(value));
        }
    }

    private static String reason(Throwable failure) {
        Throwable cause = failure;
        while (cause.getCause() != null) cause = cause.getCause();
        String text = cause.getClass().getSimpleName() + ": " + cause.getMessage();
        return text.substring(0, Math.min(text.length(), 160));
    }

    /** Puts the case's environment variables in place of those of this process, before anything reads them. */
    private record Variables(JsonNode env) implements ApplicationListener<ApplicationEnvironmentPreparedEvent>, Ordered {
        @Override
        public int getOrder() {
            return Ordered.HIGHEST_PRECEDENCE;
        }

        @Override
        public void onApplicationEvent(ApplicationEnvironmentPreparedEvent event) {
            Map<String, Object> variables = new LinkedHashMap<>();
            env.properties().forEach(entry -> variables.put(entry.getKey(), entry.getValue().asString()));
            String name = StandardEnvironment.SYSTEM_ENVIRONMENT_PROPERTY_SOURCE_NAME;
            String properties = StandardEnvironment.SYSTEM_PROPERTIES_PROPERTY_SOURCE_NAME;
            MutablePropertySources sources = event.getEnvironment().getPropertySources();
            sources.replace(name, new SystemEnvironmentPropertySource(name, variables));
            sources.replace(properties, new MapPropertySource(properties, Map.of()));
        }
    }

    /** Ends the start when the environment is complete. */
    private static class Caught implements ApplicationListener<ApplicationEnvironmentPreparedEvent>, Ordered {
        @Override
        public int getOrder() {
            return Ordered.LOWEST_PRECEDENCE;
        }

        @Override
        public void onApplicationEvent(ApplicationEnvironmentPreparedEvent event) {
            throw new Environment(event.getEnvironment());
        }

        private static class Environment extends SpringApplication.AbandonedRunException {
            private final transient ConfigurableEnvironment environment;

            Environment(ConfigurableEnvironment environment) {
                this.environment = environment;
            }
        }
    }
}
