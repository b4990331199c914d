def standin_connect(parameters, gui, fields):
    raise NotImplementedError
