# {{name}}

```sh
npm install
npm test
npm start
```

`npm start` starts what [breakwater.yml](breakwater.yml) describes and says when it can be called. Files are watched: a
change is running within a moment.

{{readme}}
