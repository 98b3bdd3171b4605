package breakwater;

import java.util.LinkedHashMap;
import java.util.Map;

import org.springframework.beans.factory.annotation.Value;
import org.springframework.boot.SpringApplication;
import org.springframework.boot.autoconfigure.SpringBootApplication;
import org.springframework.cloud.context.config.annotation.RefreshScope;
import org.springframework.context.annotation.ComponentScan;
import org.springframework.context.annotation.FilterType;
import org.springframework.core.env.Environment;
import org.springframework.stereotype.Component;
import org.springframework.web.bind.annotation.GetMapping;
import org.springframework.web.bind.annotation.RequestParam;
import org.springframework.web.bind.annotation.RestController;

/** A service that has its configuration from a config server and tells what it has got. */
@SpringBootApplication
@ComponentScan(excludeFilters = @ComponentScan.Filter(type = FilterType.ASSIGNABLE_TYPE, classes = SpringConfigServer.class))
@RestController
public class ConfiguredService {
    private final Environment environment;
    private final Greeting greeting;

    public ConfiguredService(Environment environment, Greeting greeting) {
        this.environment = environment;
        this.greeting = greeting;
    }

    public static void main(String[] args) {
        SpringApplication.run(ConfiguredService.class, args);
    }

    /** The values of these keys; null where there is none. */
    @GetMapping("/values")
    public Map<String, String> values(@RequestParam String[] keys) {
        Map<String, String> values = new LinkedHashMap<>();
        for (String key : keys) {
            values.put(key, environment.getProperty(key));
        }
        return values;
    }

    /** What a bean has been given, which is made anew by a refresh. */
    @GetMapping("/greeting")
    public String greeting() {
        return greeting.text();
    }

    @Component
    @RefreshScope
    public static class Greeting {
        private final String text;

        public Greeting(@Value("${greeting:none}") String text) {
            this.text = text;
        }

        public String text() {
            return text;
        }
    }
}
