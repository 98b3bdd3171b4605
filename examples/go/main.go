// A member of the platform in Go, with nothing but the standard library: settings from the config server, registration
// and heartbeats at the registry, a health path, a clean stop.
package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"
)

const name = "people"
const renewal = 30 * time.Second

var (
	port     = env("PORT", "4001")
	registry = env("EUREKA_CLIENT_SERVICEURL_DEFAULTZONE", "http://127.0.0.1:8761/eureka/")
	config   = env("CONFIG_SERVER", "")
	instance = "127.0.0.1:" + name + ":" + port
	client   = &http.Client{Timeout: 5 * time.Second}
)

func env(key, fallback string) string {
	if value := os.Getenv(key); value != "" {
		return value
	}
	return fallback
}

func call(method, url string, body any) (int, []byte) {
	var data bytes.Buffer
	if body != nil {
		_ = json.NewEncoder(&data).Encode(body)
	}
	request, err := http.NewRequest(method, url, &data)
	if err != nil {
		return 0, nil
	}
	request.Header.Set("Content-Type", "application/json")
	answer, err := client.Do(request)
	if err != nil {
		return 0, nil
	}
	defer answer.Body.Close()
	var text bytes.Buffer
	_, _ = text.ReadFrom(answer.Body)
	return answer.StatusCode, text.Bytes()
}

// settings has all properties of this service; of those with the same name the first source's counts.
func settings() map[string]any {
	merged := map[string]any{}
	if config == "" {
		return merged
	}
	var environment struct {
		PropertySources []struct{ Source map[string]any }
	}
	_, text := call("GET", config+"/"+name+"/default", nil)
	_ = json.Unmarshal(text, &environment)
	for i := len(environment.PropertySources) - 1; i >= 0; i-- {
		for key, value := range environment.PropertySources[i].Source {
			merged[key] = value
		}
	}
	return merged
}

func register() bool {
	var number int
	_, _ = fmt.Sscan(port, &number)
	status, _ := call("POST", registry+"apps/"+name, map[string]any{"instance": map[string]any{
		"instanceId": instance, "app": strings.ToUpper(name), "vipAddress": name, "hostName": "127.0.0.1",
		"ipAddr": "127.0.0.1", "status": "UP", "port": map[string]any{"$": number, "@enabled": "true"},
		"healthCheckUrl": "http://127.0.0.1:" + port + "/health",
		"leaseInfo":      map[string]any{"renewalIntervalInSecs": 30, "durationInSecs": 90},
		"dataCenterInfo": map[string]any{"@class": "com.netflix.appinfo.InstanceInfo$DefaultDataCenterInfo", "name": "MyOwn"},
	}})
	return status == http.StatusNoContent
}

// keepRegistered tells a registry again that does not know us, because it was away or is new.
func keepRegistered(stopping context.Context) {
	known := register()
	for {
		pause := time.Second
		if known {
			pause = renewal
		}
		select {
		case <-stopping.Done():
			return
		case <-time.After(pause):
		}
		if !known {
			known = register()
			continue
		}
		if status, _ := call("PUT", registry+"apps/"+name+"/"+instance, nil); status == http.StatusNotFound {
			known = register()
		}
	}
}

func answer(response http.ResponseWriter, status int, body any) {
	response.Header().Set("Content-Type", "application/json")
	response.WriteHeader(status)
	_ = json.NewEncoder(response).Encode(body)
}

func main() {
	properties := settings()
	greeting, found := properties["greeting"]
	if !found {
		greeting = "hello"
	}
	http.HandleFunc("/health", func(response http.ResponseWriter, _ *http.Request) {
		answer(response, http.StatusOK, map[string]string{"status": "UP"})
	})
	http.HandleFunc("/people/", func(response http.ResponseWriter, request *http.Request) {
		answer(response, http.StatusOK, map[string]any{"id": strings.TrimPrefix(request.URL.Path, "/people/"), "greeting": greeting})
	})
	stopping, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	defer stop()
	server := &http.Server{Addr: "127.0.0.1:" + port, ReadHeaderTimeout: 10 * time.Second}
	go func() { _ = server.ListenAndServe() }()
	keepRegistered(stopping)
	// Out of the registry first: callers go elsewhere while the rest is finished.
	call("DELETE", registry+"apps/"+name+"/"+instance, nil)
	ending, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	_ = server.Shutdown(ending)
}
